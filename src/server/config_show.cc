#include <nlohmann/json.hpp>
#include <sstream>

#include "server/config.h"
#include "server/version.h"

namespace metasrv::server {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kRedacted = "***";

template <class T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json LogJson(const Config& c) {
  const LogFileConfig& file = c.log_file;
  return {{"file",
           {{"on", file.on},
            {"level", file.level},
            {"dir", file.dir},
            {"format", file.format},
            {"limit", file.limit},
            {"max_size", file.max_size}}},
          {"stderr", {{"on", c.log_stderr.on}, {"level", c.log_stderr.level}, {"format", c.log_stderr.format}}},
          {"history",
           {{"on", c.log_storage.on},
            {"interval", c.log_storage.interval},
            {"stage_name", c.log_storage.stage_name},
            {"level", c.log_storage.level}}}};
}

// Keys that upstream does not have are shown when they are set.
void AddIfSet(Json& json, const char* key, const std::string& value) {
  if (!value.empty()) json[key] = value;
}

Json TlsJson(const std::string& cert, const std::string& key, const std::string& client_ca) {
  Json json = {{"cert", cert}, {"key", key}};
  AddIfSet(json, "client_ca", client_ca);
  return json;
}

Json GrpcJson(const Config& c) {
  const auto listen = SplitHostPort(c.grpc_api_address);
  return {{"listen_host", listen ? Json(listen->host) : Json(nullptr)},
          {"listen_port", listen ? Json(listen->port) : Json(nullptr)},
          {"advertise_host", OrNull(c.grpc_api_advertise_host)},
          {"tls", TlsJson(c.grpc_tls_server_cert, c.grpc_tls_server_key, c.grpc_tls_client_ca)},
          {"max_message_size", OrNull(c.grpc_api_max_message_size)}};
}

Json RaftStorageJson(const RaftConfig& r) {
  return {{"config_id", ""},
          {"raft_listen_host", r.raft_listen_host},
          {"raft_advertise_host", r.raft_advertise_host},
          {"raft_api_port", r.raft_api_port},
          {"raft_dir", r.raft_dir},
          {"log_cache_max_items", r.log_cache_max_items},
          {"log_cache_capacity", r.log_cache_capacity},
          {"log_wal_chunk_max_records", r.log_wal_chunk_max_records},
          {"log_wal_chunk_max_size", r.log_wal_chunk_max_size},
          {"snapshot_logs_since_last", r.snapshot_logs_since_last},
          {"heartbeat_interval", r.heartbeat_interval},
          {"install_snapshot_timeout", r.install_snapshot_timeout},
          {"max_applied_log_to_keep", r.max_applied_log_to_keep},
          {"snapshot_chunk_size", r.snapshot_chunk_size},
          {"snapshot_db_debug_check", r.snapshot_db_debug_check},
          {"snapshot_db_block_keys", r.snapshot_db_block_keys},
          {"snapshot_db_block_cache_size", r.snapshot_db_block_cache_size},
          {"compact_immutables_ms", OrNull(r.compact_immutables_ms)}};
}

Json RaftJson(const RaftConfig& r) {
  Json json = RaftStorageJson(r);
  json["single"] = r.single;
  json["join"] = r.join;
  json["learner"] = r.learner;
  json["leave_via"] = r.leave_via;
  json["leave_id"] = OrNull(r.leave_id);
  json["id"] = r.id;
  json["cluster_name"] = r.cluster_name;
  json["wait_leader_timeout"] = r.wait_leader_timeout;
  json["raft_grpc_max_message_size"] = OrNull(r.raft_grpc_max_message_size);
  json["raft_secret"] = r.raft_secret ? Json(kRedacted) : Json(nullptr);
  json["raft_accepted_secrets"] = std::vector<std::string>(r.raft_accepted_secrets.size(), kRedacted);
  json["raft_secret_strict"] = OrNull(r.raft_secret_strict);
  AddIfSet(json, "raft_tls_cert", r.raft_tls_cert);
  AddIfSet(json, "raft_tls_key", r.raft_tls_key);
  AddIfSet(json, "raft_tls_ca", r.raft_tls_ca);
  AddIfSet(json, "raft_tls_domain", r.raft_tls_domain);
  if (r.raft_tls_optional) json["raft_tls_optional"] = true;
  return json;
}

const char* Bool(bool value) { return value ? "true" : "false"; }

std::string TopologyText(const RaftConfig& raft) {
  if (raft.single) return "single";
  std::string text = "join [";
  for (const std::string& address : raft.join) {
    if (!text.ends_with('[')) text += ", ";
    text += '"' + address + '"';
  }
  return text + "]";
}

void AppendLogBanner(const Config& c, std::ostringstream& out) {
  const LogFileConfig& file = c.log_file;
  out << "Log   File:   enabled=" << Bool(file.on) << ", level='" << file.level << "', dir=" << file.dir
      << ", format=" << file.format << ", limit=" << file.limit << ", max_file_size=" << file.max_size << "\n"
      << "      Stderr: enabled=" << Bool(c.log_stderr.on) << ", level=" << c.log_stderr.level
      << ", format=" << c.log_stderr.format << "\n";
  if (c.log_storage.on) out << "    Storage: true\n";
}

void AppendAddressBanner(const Config& c, std::ostringstream& out) {
  const RaftConfig& raft = c.raft;
  const std::uint64_t message_bytes = raft.raft_grpc_max_message_size.value_or(32ULL * 1024 * 1024);
  out << "HTTP API listen at: " << c.admin_api_address << "\n"
      << "gRPC API listen at: " << c.grpc_api_address << " advertise: " << GrpcAdvertiseAddress(c).value_or("-") << "\n"
      << "Raft API listen at: " << raft.raft_listen_host << ":" << raft.raft_api_port
      << " advertise: " << raft.raft_advertise_host << ":" << raft.raft_api_port << "\n"
      << "Raft API max message: " << message_bytes / (1024 * 1024) << "MB\n";
}

}  // namespace

std::string ShowConfig(const Config& config) {
  Json json = {{"cmd", config.cmd}, {"config_file", config.config_file}, {"log", LogJson(config)}};
  json["admin"] = {
      {"api_address", config.admin_api_address},
      {"tls", TlsJson(config.admin_tls_server_cert, config.admin_tls_server_key, config.admin_tls_client_ca)}};
  json["service"] = {{"grpc", GrpcJson(config)}, {"raft_config", RaftJson(config.raft)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string BannerStart() {
  std::ostringstream out;
  out << "Databend Metasrv\n\n"
      << "Version: v" << kProductVersion << "-" << kGitSha << "-simd(" << kCompiler << "-" << kBuildTime << ")\n"
      << "Working DataVersion: " << kDataVersionLong << "\n\n"
      << "Raft Feature set:\n"
      << "    Server Provide: { append:v0, install_snapshot:v3, install_snapshot:v4, vote:v0, vote:v1 }\n"
      << "    Client Require: { append:v0, install_snapshot:v3, vote:v0 }\n";
  return out.str();
}

std::string BannerConfig(const Config& config) {
  const RaftConfig& raft = config.raft;
  std::ostringstream out;
  out << "Disk  Data: " << kDataVersionLong << "; Upgrading: None\n"
      << "      Dir: " << raft.raft_dir << "\n\n";
  AppendLogBanner(config, out);
  out << "Raft  Id: " << raft.id << "; Cluster: " << raft.cluster_name << "\n"
      << "      Dir: " << raft.raft_dir << "\n"
      << "      Status: " << TopologyText(raft) << "\n\n";
  AppendAddressBanner(config, out);
  return out.str();
}

}  // namespace metasrv::server
