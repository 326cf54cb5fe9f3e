// The server side of TLS: the settings, and the certificate files reread when they change, so that a
// certificate is rotated without a restart. Runs on the io_context's single thread and reads files on it, at
// most once a second.
#pragma once

#include "http/server.h"

#include <boost/asio/ssl/context.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace checkout {

class tls_context {
public:
    /// Throws std::runtime_error with a sentence that names the file that cannot be used.
    explicit tls_context(server_tls files);

    /// The context for a connection accepted now. A changed set of files that cannot be used is logged once
    /// (`tls_files_rejected`) and the former context stays in use.
    std::shared_ptr<boost::asio::ssl::context> current(std::chrono::steady_clock::time_point now);

private:
    /// What tells that a file was replaced or rewritten.
    struct file_stamp {
        std::uint64_t device = 0;
        std::uint64_t inode = 0;
        std::int64_t size = -1; ///< -1: cannot be read
        std::int64_t changed_ns = 0;
        bool operator==(const file_stamp&) const = default;
    };

    static file_stamp stamp_of(const std::string& file);
    std::vector<file_stamp> stamps() const;

    server_tls files_;
    std::vector<file_stamp> loaded_;
    std::chrono::steady_clock::time_point looked_at_;
    std::shared_ptr<boost::asio::ssl::context> context_;
};

} // namespace checkout
