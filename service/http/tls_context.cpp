#include "http/tls_context.h"

#include "observe/log.h"
#include "observe/metrics.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <time.h>

#include <cstddef>
#include <utility>

namespace checkout {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

namespace {

/// Clients that offer protocols get HTTP/1.1 or, if they do not offer it, no agreement; never a failed
/// handshake.
int select_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                    const unsigned char* offered, unsigned int offered_size, void*) {
    static constexpr unsigned char http_1_1[] = "\x08http/1.1";
    unsigned char* match = nullptr;
    if (SSL_select_next_proto(&match, chosen_size, http_1_1, sizeof http_1_1 - 1, offered, offered_size)
        != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *chosen = match;
    return SSL_TLSEXT_ERR_OK;
}

void require(const error_code& ec, const server_tls& files, std::string server_tls::*file) {
    if (ec)
        throw tls_file_error(files, file, ec.message());
}

void restrict_protocol(SSL_CTX* native) {
    SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    SSL_CTX_set_options(native,
                        SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_cipher_list(native, "ECDHE+AESGCM:ECDHE+CHACHA20"); // TLS 1.2; those of 1.3 are all modern
    SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);             // idle connections keep no record buffers
    // A peer that sends one message of the protocol after the other is waited for between two of them.
    SSL_CTX_clear_mode(native, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_alpn_select_cb(native, select_protocol, nullptr);
    // Resumption by ticket only, which costs no memory here; the id is required as soon as clients are
    // verified.
    SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
    static constexpr unsigned char session_id[] = "http_server";
    SSL_CTX_set_session_id_context(native, session_id, sizeof session_id - 1);
}

void ask_for_client_certificates(ssl::context& context, const server_tls& files) {
    constexpr auto authorities = &server_tls::client_ca_file;
    error_code ec;
    context.load_verify_file(files.client_ca_file, ec);
    require(ec, files, authorities);
    STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(files.client_ca_file.c_str());
    if (names == nullptr)
        throw tls_file_error(files, authorities, "it holds no certificate");
    SSL_CTX_set_client_CA_list(context.native_handle(), names);
    context.set_verify_mode(ssl::verify_peer);
}

void show_expiry(SSL_CTX* native) {
    std::tm expires{};
    const X509* certificate = SSL_CTX_get0_certificate(native);
    if (certificate != nullptr && ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &expires) == 1)
        metrics().certificate_expires.set({}, static_cast<double>(::timegm(&expires)));
}

std::shared_ptr<ssl::context> load(const server_tls& files) {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    restrict_protocol(context->native_handle());
    context->set_password_callback([](std::size_t, ssl::context::password_purpose) { return std::string{}; });
    error_code ec;
    context->use_certificate_chain_file(files.certificate_file, ec);
    require(ec, files, &server_tls::certificate_file);
    context->use_private_key_file(files.key_file, ssl::context::pem, ec);
    require(ec, files, &server_tls::key_file);
    if (SSL_CTX_check_private_key(context->native_handle()) != 1)
        throw tls_file_error(files, &server_tls::key_file, "it does not belong to the certificate");
    if (!files.client_ca_file.empty())
        ask_for_client_certificates(*context, files);
    return context;
}

} // namespace

tls_file_error::tls_file_error(const server_tls& files, std::string server_tls::*member,
                               const std::string& why)
    : std::runtime_error("cannot use " + files.*member + ": " + why),
      file(member),
      reason(why) {}

void check_tls_files(const server_tls& files) {
    load(files);
}

tls_context::tls_context(server_tls files)
    : files_(std::move(files)),
      watch_({files_.certificate_file, files_.key_file, files_.client_ca_file}),
      context_(load(files_)) {
    show_expiry(context_->native_handle());
}

std::shared_ptr<ssl::context> tls_context::current(file_watch::clock::time_point now,
                                                   file_watch::wall_clock::time_point wall) {
    if (!watch_.has_changed(now, wall))
        return context_;
    try {
        auto fresh = load(files_);
        if (watch_.is_current()) { // else written to while they were read: there will be another look
            context_ = std::move(fresh);
            show_expiry(context_->native_handle());
            write_log(log_level::info, "tls_files_reloaded");
        }
    } catch (const std::exception& error) {
        write_log(log_level::warning, "tls_files_rejected", {{"detail", error.what()}});
    }
    return context_;
}

} // namespace checkout
