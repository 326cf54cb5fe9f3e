// The server side of TLS: the settings, and the certificate files reread when they change, so that a
// certificate is rotated without a restart. Runs on the io_context's single thread and reads files on it
// (file_watch).
#pragma once

#include "http/server.h"
#include "http/watched_file.h"

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <stdexcept>
#include <string>

namespace checkout {

/// One of the files cannot be used; what() is a sentence that names it.
class tls_file_error : public std::runtime_error {
public:
    tls_file_error(const server_tls& files, std::string server_tls::*member, const std::string& why);

    std::string server_tls::*file; ///< which of them
    std::string reason;            ///< without its name
};

/// Reads them as a listener would. Throws tls_file_error.
void check_tls_files(const server_tls& files);

class tls_context {
public:
    /// Throws tls_file_error.
    explicit tls_context(server_tls files);

    /// The context for a connection accepted now. A changed set of files that cannot be used is logged once
    /// (`tls_files_rejected`) and the former context stays in use.
    std::shared_ptr<boost::asio::ssl::context>
    current(file_watch::clock::time_point now,
            file_watch::wall_clock::time_point wall = file_watch::wall_clock::now());

private:
    server_tls files_;
    file_watch watch_;
    std::shared_ptr<boost::asio::ssl::context> context_;
};

} // namespace checkout
