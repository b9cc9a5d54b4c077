#include "server/tls_files.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

namespace metasrv::server {
namespace {

template <auto Free>
struct Freer {
  void operator()(auto* object) const { Free(object); }
};
using Source = std::unique_ptr<BIO, Freer<&BIO_free>>;
using Certificate = std::unique_ptr<X509, Freer<&X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freer<&EVP_PKEY_free>>;
using Store = std::unique_ptr<X509_STORE, Freer<&X509_STORE_free>>;
using Context = std::unique_ptr<X509_STORE_CTX, Freer<&X509_STORE_CTX_free>>;

using Checked = std::expected<void, std::string>;

std::expected<std::string, std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::unexpected("cannot read " + path + ": " + std::strerror(errno));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

Source SourceOf(const std::string& text) { return Source(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

// All of the file, the first one being the owner's.
std::expected<std::vector<Certificate>, std::string> ReadCertificates(const std::string& path) {
  const auto text = ReadFile(path);
  if (!text) return std::unexpected(text.error());
  const Source source = SourceOf(*text);
  std::vector<Certificate> certificates;
  while (X509* next = PEM_read_bio_X509(source.get(), nullptr, nullptr, nullptr)) certificates.emplace_back(next);
  if (certificates.empty()) return std::unexpected(path + " holds no certificate in PEM form");
  return certificates;
}

std::expected<Key, std::string> ReadKey(const std::string& path) {
  const auto text = ReadFile(path);
  if (!text) return std::unexpected(text.error());
  Key key(PEM_read_bio_PrivateKey(SourceOf(*text).get(), nullptr, nullptr, nullptr));
  if (key == nullptr) return std::unexpected(path + " holds no private key in PEM form");
  return key;
}

// Verifies the first of `chain` as somebody who trusts `authorities` would.
Checked Verify(const TlsFiles& files, const std::vector<Certificate>& chain,
               const std::vector<Certificate>& authorities, int purpose, const char* as_what) {
  const Store store(X509_STORE_new());
  for (const Certificate& authority : authorities) X509_STORE_add_cert(store.get(), authority.get());
  STACK_OF(X509)* between = sk_X509_new_null();
  for (const Certificate& certificate : chain) sk_X509_push(between, certificate.get());
  const Context context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), chain.front().get(), between);
  X509_STORE_CTX_set_purpose(context.get(), purpose);
  const bool valid = X509_verify_cert(context.get()) == 1;
  sk_X509_free(between);
  if (valid) return {};
  const char* reason = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
  return std::unexpected("the certificate " + files.cert + " is not valid for a " + as_what +
                         " to those who trust the authorities in " + files.ca + ": " + reason);
}

}  // namespace

Checked CheckTlsFiles(const TlsFiles& files) {
  const auto chain = ReadCertificates(files.cert);
  if (!chain) return std::unexpected(chain.error());
  const auto key = ReadKey(files.key);
  if (!key) return std::unexpected(key.error());
  if (X509_check_private_key(chain->front().get(), key->get()) != 1) {
    return std::unexpected("the private key " + files.key + " does not belong to the certificate " + files.cert);
  }
  if (files.ca.empty()) return {};
  if (const auto authorities = ReadCertificates(files.ca); !authorities) return std::unexpected(authorities.error());
  return {};
}

Checked CheckPeerTlsFiles(const TlsFiles& files, PeerRole role) {
  if (auto checked = CheckTlsFiles(files); !checked) return checked;
  const auto chain = ReadCertificates(files.cert);
  if (!chain) return std::unexpected(chain.error());
  const auto authorities = ReadCertificates(files.ca);
  if (!authorities) return std::unexpected(authorities.error());
  auto checked = Verify(files, *chain, *authorities, X509_PURPOSE_SSL_CLIENT, "client");
  if (!checked || role == PeerRole::kCaller) return checked;
  return Verify(files, *chain, *authorities, X509_PURPOSE_SSL_SERVER, "server");
}

std::expected<bool, std::string> IsCertificateFor(const std::string& cert_file, const std::string& host) {
  const auto chain = ReadCertificates(cert_file);
  if (!chain) return std::unexpected(chain.error());
  X509* const certificate = chain->front().get();
  return X509_check_host(certificate, host.data(), host.size(), 0, nullptr) == 1 ||
         X509_check_ip_asc(certificate, host.c_str(), 0) == 1;
}

}  // namespace metasrv::server
