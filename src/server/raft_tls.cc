#include "server/raft_tls.h"

#include <grpcpp/security/credentials.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace metasrv::server {
namespace {

using Checked = std::expected<void, std::string>;

std::string WithoutBrackets(const std::string& host) {
  return host.starts_with('[') && host.ends_with(']') ? host.substr(1, host.size() - 2) : host;
}

// The others look for this name in the certificate, and would say nothing but that they can not connect.
Checked CheckName(const RaftConfig& config) {
  const bool has_domain = !config.raft_tls_domain.empty();
  const std::string name = has_domain ? config.raft_tls_domain : WithoutBrackets(config.raft_advertise_host);
  const auto fits = IsCertificateFor(config.raft_tls_cert, name);
  if (!fits) return std::unexpected(fits.error());
  if (*fits) return {};
  const std::string problem = "the certificate " + config.raft_tls_cert + " is not for the name " + name;
  if (has_domain) return std::unexpected(problem + ", which `raft_tls_domain` demands of every node");
  return std::unexpected(problem + ", under which the other nodes dial this one (`raft_advertise_host`); " +
                         "have it made for that name, or set `raft_tls_domain` to a name that all certificates bear");
}

bool SaysOneOf(const std::string& reason, std::initializer_list<const char*> texts) {
  return std::ranges::any_of(texts, [&](const char* text) { return reason.find(text) != std::string::npos; });
}

std::string RemedyOf(const RaftConfig& config, const std::string& reason) {
  const bool tls = RaftTlsFiles(config).enabled();
  if (SaysOneOf(reason, {"Socket closed", "Connection reset", "Broken pipe"})) {
    if (tls) return "does that node refuse the certificate " + config.raft_tls_cert + "? Its log tells why";
    return "if that node has TLS between nodes, this one needs `raft_tls_cert`, `raft_tls_key` and `raft_tls_ca`, too";
  }
  if (SaysOneOf(reason, {"wrong version number"})) {
    return "that node has no TLS between nodes: set `raft_tls_cert`, `raft_tls_key` and `raft_tls_ca` there, too";
  }
  if (SaysOneOf(reason, {"certificate verify failed"})) {
    return "none of the authorities in " + config.raft_tls_ca + " (`raft_tls_ca`) vouches for that node's certificate";
  }
  if (SaysOneOf(reason, {"Hostname Verification"})) {
    return config.raft_tls_domain.empty()
               ? "that node's certificate is not for the host that was dialled; see `raft_tls_domain`"
               : "that node's certificate is not for " + config.raft_tls_domain + " (`raft_tls_domain`)";
  }
  return "";
}

}  // namespace

TlsFiles RaftTlsFiles(const RaftConfig& config) {
  return {config.raft_tls_cert, config.raft_tls_key, config.raft_tls_ca};
}

std::expected<std::shared_ptr<grpc::ChannelCredentials>, std::string> RaftChannelCredentials(const RaftConfig& config,
                                                                                             PeerRole role) {
  const TlsFiles files = RaftTlsFiles(config);
  if (!files.enabled()) return grpc::InsecureChannelCredentials();
  auto checked = CheckPeerTlsFiles(files, role);
  if (checked && role == PeerRole::kMember) checked = CheckName(config);
  if (!checked) return std::unexpected("raft TLS: " + checked.error());
  return MakeChannelCredentials(files);
}

std::string ExplainUnreachable(const RaftConfig& config, std::string reason) {
  const std::string remedy = RemedyOf(config, reason);
  return remedy.empty() ? reason : std::move(reason) + " (" + remedy + ")";
}

}  // namespace metasrv::server
