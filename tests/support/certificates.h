// Certificates made at test time: a CA of one's own, what it signs, and files to hold them.
#pragma once

#include <openssl/ssl.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace checkout::test {

template <auto Free>
struct freed_by {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};

using certificate_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using tls_context_ptr = std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>>;

struct identity {
    certificate_ptr certificate;
    key_ptr key;
    std::string certificate_pem() const;
    std::string key_pem() const;
};

/// Signed by itself, valid for an hour.
identity make_ca(const std::string& common_name);
/// For the host names "localhost" and the address 127.0.0.1, and as a client; valid for an hour.
identity make_leaf(const std::string& common_name, const identity& ca);

/// The common name of a certificate's subject, empty for none.
std::string common_name(const X509* certificate);

/// A client's context that verifies nothing and shows `shown`, if any.
tls_context_ptr make_client_context(const identity* shown = nullptr);

class temporary_directory {
public:
    temporary_directory();
    ~temporary_directory();
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;

    /// Writes or replaces a file in one step and gives its path.
    std::string write(const std::string& name, std::string_view text) const;

private:
    std::filesystem::path path_;
};

} // namespace checkout::test
