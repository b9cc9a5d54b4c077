#pragma once

#include <expected>
#include <string>

namespace metasrv::server {

// PEM files of one port. TLS is on when certificate and key are both named (config-and-cli.md §2.1).
struct TlsFiles {
  std::string cert = {};  // the certificate, then what leads from it to the authority
  std::string key = {};
  std::string ca = {};  // set: who connects must show a certificate that one of these authorities signed

  [[nodiscard]] bool enabled() const { return !cert.empty() && !key.empty(); }
};

// That the files can be read, hold what they should and fit each other; libraries say nothing of it, and only fail
// every connection. Errors: what is wrong with which file. Requires: enabled().
[[nodiscard]] std::expected<void, std::string> CheckTlsFiles(const TlsFiles& files);

// What a certificate will be used for between equals, each of which trusts the same authorities.
enum class PeerRole : unsigned char {
  kCaller,  // only calls
  kMember,  // calls and is called
};

// CheckTlsFiles, and that others with the same `ca` would accept the certificate. Requires: all three are named.
[[nodiscard]] std::expected<void, std::string> CheckPeerTlsFiles(const TlsFiles& files, PeerRole role);

// Whether the certificate is for `host`, a name or an IP address. Errors: it can not be read.
[[nodiscard]] std::expected<bool, std::string> IsCertificateFor(const std::string& cert_file, const std::string& host);

}  // namespace metasrv::server
