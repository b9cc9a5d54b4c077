#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <utility>

#include "server/config.h"

namespace metasrv::server {
namespace {

using Result = std::expected<void, std::string>;

constexpr std::uint64_t kClockDriftBoundMaxPpm = 100'000;

bool IsLogFormat(const std::string& format) { return format == "json" || format == "text" || format == "identical"; }

bool IsIpv4(const std::string& host) {
  in_addr parsed{};
  return inet_pton(AF_INET, host.c_str(), &parsed) == 1;
}

Result ValidateSecrets(const RaftConfig& raft) {
  if (raft.raft_secret && raft.raft_secret->empty()) return std::unexpected("`raft_secret` must not be empty");
  return {};
}

Result ValidateAcceptedSecrets(const RaftConfig& raft) {
  if (std::ranges::count(raft.raft_accepted_secrets, std::string()) > 0) {
    return std::unexpected("`raft_accepted_secrets` must not contain an empty secret");
  }
  if (raft.raft_secret_strict.value_or(false) && raft.raft_accepted_secrets.empty()) {
    return std::unexpected(
        "`raft_secret_strict` is enabled but `raft_accepted_secrets` is empty: "
        "the node would reject every incoming raft RPC");
  }
  return {};
}

// Half of a protection would be taken for the whole.
Result ValidateSecurity(const Config& config) {
  if (config.grpc_api_user.has_value() != config.grpc_api_password.has_value()) {
    return std::unexpected("`grpc_api_user` and `grpc_api_password` must be set together");
  }
  if (config.grpc_api_password && config.grpc_api_password->empty()) {
    return std::unexpected("`grpc_api_password` must not be empty");
  }
  const bool grpc_tls = !config.grpc_tls_server_cert.empty() && !config.grpc_tls_server_key.empty();
  if (!config.grpc_tls_client_ca.empty() && !grpc_tls) {
    return std::unexpected("`grpc_tls_client_ca` needs `grpc_tls_server_cert` and `grpc_tls_server_key`");
  }
  const bool admin_tls = !config.admin_tls_server_cert.empty() && !config.admin_tls_server_key.empty();
  if (!config.admin_tls_client_ca.empty() && !admin_tls) {
    return std::unexpected("`admin_tls_client_ca` needs `admin_tls_server_cert` and `admin_tls_server_key`");
  }
  return {};
}

Result ValidateRaftTls(const RaftConfig& raft) {
  const std::array<std::pair<const char*, const std::string*>, 3> files{{{"raft_tls_cert", &raft.raft_tls_cert},
                                                                         {"raft_tls_key", &raft.raft_tls_key},
                                                                         {"raft_tls_ca", &raft.raft_tls_ca}}};
  const auto is_missing = [](const auto& file) { return file.second->empty(); };
  const auto missing = std::ranges::find_if(files, is_missing);
  const auto given = std::ranges::find_if_not(files, is_missing);
  if (missing == files.end()) return {};
  std::string given_key = given != files.end() ? given->first : "";
  if (given_key.empty() && !raft.raft_tls_domain.empty()) given_key = "raft_tls_domain";
  if (given_key.empty() && raft.raft_tls_optional) given_key = "raft_tls_optional";
  if (given_key.empty()) return {};
  return std::unexpected("`" + given_key + "` is set but `" + missing->first +
                         "` is not: TLS between nodes needs `raft_tls_cert`, `raft_tls_key` and `raft_tls_ca`");
}

// A node that already has its identity and data may start with neither option; an empty directory with neither would
// become a second cluster by mistake (config-and-cli.md §6.5).
Result ValidateTopology(const Config& config, bool initialised) {
  const RaftConfig& raft = config.raft;
  const bool joining = !raft.join.empty();
  const bool neither = !raft.single && !joining;
  if ((raft.single && joining) || (neither && !initialised)) {
    return std::unexpected("at least one of `single` and `join` needs to be enabled");
  }
  if (joining && JoinOthers(config).empty() && !initialised) return std::unexpected("--join must not be set to itself");
  return {};
}

}  // namespace

std::expected<void, std::string> ValidateLogFormats(const Config& config) {
  if (!IsLogFormat(config.log_file.format)) {
    return std::unexpected("Invalid file log format: unknown log format: " + config.log_file.format);
  }
  if (!IsLogFormat(config.log_stderr.format)) {
    return std::unexpected("Invalid stderr log format: unknown log format: " + config.log_stderr.format);
  }
  return {};
}

std::expected<void, std::string> ValidateAddresses(const Config& config) {
  const auto listen = SplitHostPort(config.grpc_api_address);
  if (!listen || !IsIpv4(listen->host)) {
    return std::unexpected("invalid socket address syntax while parsing " + config.grpc_api_address);
  }
  return ValidateSecurity(config);
}

std::expected<void, std::string> ValidateRaft(const Config& config, bool initialised) {
  const RaftConfig& raft = config.raft;
  if (auto done = ValidateSecrets(raft); !done) return done;
  if (auto done = ValidateRaftTls(raft); !done) return done;
  if (!raft.leave_via.empty()) {
    if (!raft.leave_id) {
      return std::unexpected(
          "`leave_via` is set but `leave_id` is not: the node to remove from the cluster is unknown");
    }
    return ValidateAcceptedSecrets(raft);
  }
  if (auto done = ValidateAcceptedSecrets(raft); !done) return done;
  if (raft.heartbeat_interval == 0) return std::unexpected("`heartbeat_interval` must be greater than 0");
  if (raft.clock_drift_bound_ppm > kClockDriftBoundMaxPpm) {
    return std::unexpected("`clock_drift_bound_ppm` is " + std::to_string(raft.clock_drift_bound_ppm) +
                           ": clocks that are off by more than " + std::to_string(kClockDriftBoundMaxPpm) +
                           " ppm can not keep a lease; set `read_lease` to false instead");
  }
  return ValidateTopology(config, initialised);
}

std::vector<std::string> JoinOthers(const Config& config) {
  const std::string port = ":" + std::to_string(config.raft.raft_api_port);
  std::vector<std::string> others = config.raft.join;
  std::erase(others, config.raft.raft_listen_host + port);
  std::erase(others, config.raft.raft_advertise_host + port);
  return others;
}

}  // namespace metasrv::server
