// TLS on an accepted socket, with nothing kept between two records: OpenSSL reads and writes the socket
// itself, so that an idle connection costs its session and no buffers (Asio's stream keeps 68 KiB of them for
// each).
#pragma once

#include "http/byte_stream.h"

#include <memory>

namespace checkout {

/// The server's side of a connection; `context` may go before the stream does.
std::unique_ptr<byte_stream> make_tls_stream(boost::asio::ip::tcp::socket socket,
                                             boost::asio::ssl::context& context);

} // namespace checkout
