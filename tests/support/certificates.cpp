#include "support/certificates.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include <array>
#include <fstream>
#include <stdexcept>

namespace checkout::test {

namespace {

using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free_all>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>>;

void require(bool done, const char* what) {
    if (!done)
        throw std::runtime_error(std::string("cannot make a test certificate: ") + what);
}

std::string text_of(BIO* bio) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    return {text, static_cast<std::size_t>(size)};
}

void extend(X509* certificate, X509* issuer, int kind, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    const extension_ptr extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value));
    require(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "extension");
}

void set_serial(X509* certificate) {
    std::uint64_t serial = 0;
    require(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1, "random numbers");
    require(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) == 1, "serial number");
}

void set_subject(X509* certificate, const std::string& name) {
    const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
    require(
        X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, text, -1, -1, 0)
            == 1,
        "name");
}

identity make_unsigned(const std::string& name) {
    identity made{certificate_ptr(X509_new()), key_ptr(EVP_EC_gen("P-256"))};
    require(made.certificate && made.key, "key");
    X509_set_version(made.certificate.get(), X509_VERSION_3);
    set_serial(made.certificate.get());
    set_subject(made.certificate.get(), name);
    X509_gmtime_adj(X509_getm_notBefore(made.certificate.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(made.certificate.get()), 3600);
    X509_set_pubkey(made.certificate.get(), made.key.get());
    return made;
}

void sign(X509* certificate, X509* issuer, EVP_PKEY* key) {
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    require(X509_sign(certificate, key, EVP_sha256()) > 0, "signature");
}

} // namespace

std::string identity::certificate_pem() const {
    const bio_ptr bio(BIO_new(BIO_s_mem()));
    require(PEM_write_bio_X509(bio.get(), certificate.get()) == 1, "PEM");
    return text_of(bio.get());
}

std::string identity::key_pem() const {
    const bio_ptr bio(BIO_new(BIO_s_mem()));
    require(PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
            "PEM");
    return text_of(bio.get());
}

identity make_ca(const std::string& name) {
    identity ca = make_unsigned(name);
    extend(ca.certificate.get(), ca.certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
    extend(ca.certificate.get(), ca.certificate.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
    sign(ca.certificate.get(), ca.certificate.get(), ca.key.get());
    return ca;
}

identity make_leaf(const std::string& name, const identity& ca) {
    identity leaf = make_unsigned(name);
    extend(leaf.certificate.get(), ca.certificate.get(), NID_basic_constraints, "critical,CA:FALSE");
    extend(leaf.certificate.get(), ca.certificate.get(), NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
    sign(leaf.certificate.get(), ca.certificate.get(), ca.key.get());
    return leaf;
}

std::string common_name(const X509* certificate) {
    std::array<char, 256> text{};
    if (certificate != nullptr)
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text.data(),
                                  text.size());
    return text.data();
}

tls_context_ptr make_client_context(const identity* shown) {
    tls_context_ptr context(SSL_CTX_new(TLS_client_method()));
    require(context != nullptr, "context");
    if (shown != nullptr) {
        require(SSL_CTX_use_certificate(context.get(), shown->certificate.get()) == 1, "client certificate");
        require(SSL_CTX_use_PrivateKey(context.get(), shown->key.get()) == 1, "client key");
    }
    return context;
}

temporary_directory::temporary_directory() {
    std::string name = std::filesystem::temp_directory_path() / "checkout-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr)
        throw std::runtime_error("cannot make a temporary directory");
    path_ = name;
}

temporary_directory::~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string temporary_directory::write(const std::string& name, std::string_view text) const {
    const auto path = path_ / name;
    const auto fresh = path_ / (name + ".new");
    std::ofstream(fresh, std::ios::binary) << text;
    std::filesystem::rename(fresh, path);
    return path;
}

} // namespace checkout::test
