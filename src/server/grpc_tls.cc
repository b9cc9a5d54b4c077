#include "server/grpc_tls.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace metasrv::server {
namespace {

namespace tls = grpc::experimental;

constexpr unsigned kReloadSeconds = 2;

using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Checked = std::expected<void, std::string>;

// Reads a file through one of OpenSSL's PEM readers.
template <class Parse>
auto ReadPem(const std::string& path, const char* what, Parse parse)
    -> std::expected<decltype(parse(static_cast<BIO*>(nullptr))), std::string> {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::unexpected("cannot read " + path + ": " + std::strerror(errno));
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const std::unique_ptr<BIO, decltype(&BIO_free)> source(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())),
                                                         &BIO_free);
  auto parsed = parse(source.get());
  if (!parsed) return std::unexpected(path + " holds no " + what + " in PEM form");
  return parsed;
}

std::expected<Certificate, std::string> ReadCertificate(const std::string& path) {
  return ReadPem(path, "certificate", [](BIO* source) {
    return Certificate(PEM_read_bio_X509(source, nullptr, nullptr, nullptr), &X509_free);
  });
}

std::expected<Key, std::string> ReadKey(const std::string& path) {
  return ReadPem(path, "private key", [](BIO* source) {
    return Key(PEM_read_bio_PrivateKey(source, nullptr, nullptr, nullptr), &EVP_PKEY_free);
  });
}

// gRPC says nothing about files that do not fit; it only fails every connection.
Checked CheckFiles(const TlsFiles& files) {
  const auto cert = ReadCertificate(files.cert);
  if (!cert) return std::unexpected(cert.error());
  const auto key = ReadKey(files.key);
  if (!key) return std::unexpected(key.error());
  if (X509_check_private_key(cert->get(), key->get()) != 1) {
    return std::unexpected("the private key " + files.key + " does not belong to the certificate " + files.cert);
  }
  if (files.client_ca.empty()) return {};
  if (const auto ca = ReadCertificate(files.client_ca); !ca) return std::unexpected(ca.error());
  return {};
}

}  // namespace

std::expected<std::shared_ptr<grpc::ServerCredentials>, std::string> MakeServerCredentials(const TlsFiles& files) {
  if (!files.enabled()) return grpc::InsecureServerCredentials();
  if (auto checked = CheckFiles(files); !checked) return std::unexpected("TLS: " + checked.error());
  const auto provider =
      std::make_shared<tls::FileWatcherCertificateProvider>(files.key, files.cert, files.client_ca, kReloadSeconds);
  tls::TlsServerCredentialsOptions options(provider);
  options.watch_identity_key_cert_pairs();
  if (!files.client_ca.empty()) {
    options.watch_root_certs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return tls::TlsServerCredentials(options);
}

}  // namespace metasrv::server
