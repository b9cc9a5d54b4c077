#include <algorithm>

#include "server/config.h"

namespace metasrv::server {
namespace {

constexpr auto kNone = FlagShape::kNone;
constexpr auto kValue = FlagShape::kValue;
constexpr auto kSwitch = FlagShape::kSwitch;
constexpr auto kOptionalValue = FlagShape::kOptionalValue;
constexpr const char* kClientCaHelp = "PEM authorities; clients must show a certificate of theirs";

void AddTopLevel(Config& c, std::vector<Setting>& out) {
  out.insert(
      out.end(),
      {{"cmd", nullptr, kValue, &c.cmd, "Run a command and exit: ver, show-config, kvapi::<op>"},
       {"admin_api_address", "ADMIN_API_ADDRESS", kValue, &c.admin_api_address, "Listen address of the admin HTTP API"},
       {"admin_tls_server_cert", "ADMIN_TLS_SERVER_CERT", kValue, &c.admin_tls_server_cert, "PEM certificate"},
       {"admin_tls_server_key", "ADMIN_TLS_SERVER_KEY", kValue, &c.admin_tls_server_key, "PEM private key"},
       {"admin_tls_client_ca", "ADMIN_TLS_CLIENT_CA", kValue, &c.admin_tls_client_ca, kClientCaHelp},
       {"grpc_api_address", "METASRV_GRPC_API_ADDRESS", kValue, &c.grpc_api_address, "Listen address for clients"},
       {"grpc_api_advertise_host", "METASRV_GRPC_API_ADVERTISE_HOST", kValue, &c.grpc_api_advertise_host,
        "Host published to clients"},
       {"grpc_tls_server_cert", "GRPC_TLS_SERVER_CERT", kValue, &c.grpc_tls_server_cert, "PEM certificate"},
       {"grpc_tls_server_key", "GRPC_TLS_SERVER_KEY", kValue, &c.grpc_tls_server_key, "PEM private key"},
       {"grpc_tls_client_ca", "GRPC_TLS_CLIENT_CA", kValue, &c.grpc_tls_client_ca, kClientCaHelp},
       {"grpc_api_max_message_size", nullptr, kValue, &c.grpc_api_max_message_size, "Bytes, both directions"},
       {"grpc_api_user", nullptr, kNone, &c.grpc_api_user, ""},
       {"grpc_api_password", nullptr, kNone, &c.grpc_api_password, ""},
       {"grpc_limits.key_bytes_max", nullptr, kNone, &c.limits.key_bytes_max, ""},
       {"grpc_limits.value_bytes_max", nullptr, kNone, &c.limits.value_bytes_max, ""},
       {"grpc_limits.txn_operations_max", nullptr, kNone, &c.limits.txn_operations_max, ""},
       {"grpc_limits.streams_per_connection_max", nullptr, kNone, &c.streams_per_connection_max, ""},
       {"metric_api_address", nullptr, kNone, &c.metric_api_address, ""},
       {"log_level", "METASRV_LOG_LEVEL", kValue, &c.log_level, "Short for log.file.level"},
       {"log_dir", "METASRV_LOG_DIR", kValue, &c.log_dir, "Short for log.file.dir"}});
}

void AddLog(Config& c, std::vector<Setting>& out) {
  LogFileConfig& file = c.log_file;
  LogStderrConfig& err = c.log_stderr;
  LogStorageConfig& storage = c.log_storage;
  out.insert(out.end(),
             {{"log.file.on", "METASRV_LOG_FILE_ON", kOptionalValue, &file.on, "Write log files"},
              {"log.file.level", "METASRV_LOG_FILE_LEVEL", kValue, &file.level, "Filter expression"},
              {"log.file.dir", "METASRV_LOG_FILE_DIR", kValue, &file.dir, "Directory of the log files"},
              {"log.file.format", "METASRV_LOG_FILE_FORMAT", kValue, &file.format, "json, text or identical"},
              {"log.file.limit", "METASRV_LOG_FILE_LIMIT", kValue, &file.limit, "Number of files kept"},
              {"log.file.max_size", "METASRV_LOG_FILE_MAX_SIZE", kValue, &file.max_size, "Bytes per file"},
              {"log.stderr.on", "METASRV_LOG_STDERR_ON", kOptionalValue, &err.on, "Also log to stderr"},
              {"log.stderr.level", "METASRV_LOG_STDERR_LEVEL", kValue, &err.level, "Filter expression"},
              {"log.stderr.format", "METASRV_LOG_STDERR_FORMAT", kValue, &err.format, "text, json or identical"},
              {"log.storage.on", nullptr, kOptionalValue, &storage.on, "Accepted, no effect"},
              {"log.storage.interval", nullptr, kValue, &storage.interval, "Accepted, no effect"},
              {"log.storage.stage_name", nullptr, kValue, &storage.stage_name, "Accepted, no effect"},
              {"log.storage.level", nullptr, kValue, &storage.level, "Accepted, no effect"}});
}

void AddMembership(RaftConfig& r, std::vector<Setting>& out) {
  out.insert(
      out.end(),
      {{"raft_config.id", "KVSRV_ID", kValue, &r.id, "Node id of an empty raft_dir"},
       {"raft_config.raft_dir", "KVSRV_RAFT_DIR", kValue, &r.raft_dir, "Data directory"},
       {"raft_config.raft_listen_host", "KVSRV_LISTEN_HOST", kValue, &r.raft_listen_host, "Host the raft port binds"},
       {"raft_config.raft_advertise_host", "KVSRV_ADVERTISE_HOST", kValue, &r.raft_advertise_host,
        "Host other nodes dial"},
       {"raft_config.raft_api_port", "KVSRV_API_PORT", kValue, &r.raft_api_port, "Raft port"},
       {"raft_config.cluster_name", "CLUSTER_NAME", kValue, &r.cluster_name, "Label in logs"},
       {"raft_config.single", "KVSRV_SINGLE", kSwitch, &r.single, "Bootstrap a one-node cluster if uninitialised"},
       {"raft_config.join", "METASRV_JOIN", kValue, &r.join, "Raft addresses of members to join"},
       {"raft_config.learner", "METASRV_LEARNER", kSwitch, &r.learner, "Join as a non-voting member"},
       {"raft_config.leave_via", nullptr, kValue, &r.leave_via, "Members to ask for removal of leave_id"},
       {"raft_config.leave_id", nullptr, kValue, &r.leave_id, "Node to remove"},
       {"raft_config.wait_leader_timeout", "KVSRV_WAIT_LEADER_TIMEOUT", kValue, &r.wait_leader_timeout,
        "Milliseconds to wait for a leader at start"},
       {"raft_config.raft_secret", nullptr, kValue, &r.raft_secret, "Secret sent with raft calls"},
       {"raft_config.raft_accepted_secrets", nullptr, kValue, &r.raft_accepted_secrets, "Secrets accepted"},
       {"raft_config.raft_secret_strict", nullptr, kValue, &r.raft_secret_strict, "Refuse calls without a secret"},
       {"raft_config.raft_tls_cert", "RAFT_TLS_CERT", kValue, &r.raft_tls_cert, "PEM certificate shown to other nodes"},
       {"raft_config.raft_tls_key", "RAFT_TLS_KEY", kValue, &r.raft_tls_key, "PEM private key"},
       {"raft_config.raft_tls_ca", "RAFT_TLS_CA", kValue, &r.raft_tls_ca, "PEM authorities of the nodes' certificates"},
       {"raft_config.raft_tls_optional", "RAFT_TLS_OPTIONAL", kValue, &r.raft_tls_optional,
        "Also speak plain text, while not every node has TLS"},
       {"raft_config.raft_tls_domain", "RAFT_TLS_DOMAIN", kValue, &r.raft_tls_domain,
        "Name in every node's certificate, when it is not the host that is dialled"}});
}

void AddTunables(RaftConfig& r, std::vector<Setting>& out) {
  out.insert(out.end(),
             {{"raft_config.heartbeat_interval", "KVSRV_HEARTBEAT_INTERVAL", kValue, &r.heartbeat_interval, "ms"},
              {"raft_config.install_snapshot_timeout", "KVSRV_INSTALL_SNAPSHOT_TIMEOUT", kValue,
               &r.install_snapshot_timeout, "ms"},
              {"raft_config.snapshot_logs_since_last", "KVSRV_SNAPSHOT_LOGS_SINCE_LAST", kValue,
               &r.snapshot_logs_since_last, "Applied entries between snapshots"},
              {"raft_config.max_applied_log_to_keep", "RAFT_MAX_APPLIED_LOG_TO_KEEP", kValue,
               &r.max_applied_log_to_keep, "Entries kept behind a snapshot"},
              {"raft_config.snapshot_chunk_size", "RAFT_SNAPSHOT_CHUNK_SIZE", kValue, &r.snapshot_chunk_size, "Bytes"},
              {"raft_config.snapshot_send_rate", nullptr, kValue, &r.snapshot_send_rate,
               "Bytes per second of outgoing snapshots, 0 for no limit"},
              {"raft_config.snapshot_db_debug_check", "RAFT_SNAPSHOT_DB_DEBUG_CHECK", kSwitch,
               &r.snapshot_db_debug_check, "Accepted, no effect"},
              {"raft_config.snapshot_db_block_keys", "RAFT_SNAPSHOT_DB_BLOCK_KEYS", kValue, &r.snapshot_db_block_keys,
               "Accepted, no effect"},
              {"raft_config.snapshot_db_block_cache_size", "RAFT_SNAPSHOT_DB_BLOCK_CACHE_SIZE", kValue,
               &r.snapshot_db_block_cache_size, "Bytes of the block cache"},
              {"raft_config.log_cache_max_items", "KVSRV_LOG_CACHE_MAX_ITEMS", kValue, &r.log_cache_max_items,
               "Log entries kept in memory"},
              {"raft_config.log_cache_capacity", "KVSRV_LOG_CACHE_CAPACITY", kValue, &r.log_cache_capacity,
               "Bytes of log entries kept in memory"},
              {"raft_config.log_wal_chunk_max_records", "KVSRV_LOG_WAL_CHUNK_MAX_RECORDS", kValue,
               &r.log_wal_chunk_max_records, "Accepted, no effect"},
              {"raft_config.log_wal_chunk_max_size", "KVSRV_LOG_WAL_CHUNK_MAX_SIZE", kValue, &r.log_wal_chunk_max_size,
               "Accepted, no effect"},
              {"raft_config.compact_immutables_ms", "METASRV_COMPACT_IMMUTABLES_MS", kValue, &r.compact_immutables_ms,
               "Accepted, no effect"},
              {"raft_config.raft_grpc_max_message_size", nullptr, kValue, &r.raft_grpc_max_message_size,
               "Bytes, both directions"},
              {"raft_config.read_lease", nullptr, kNone, &r.read_lease, ""},
              {"raft_config.clock_drift_bound_ppm", nullptr, kNone, &r.clock_drift_bound_ppm, ""}});
}

void AddWatch(WatchConfig& w, std::vector<Setting>& out) {
  out.insert(out.end(), {{"watch.on", nullptr, kNone, &w.on, ""},
                         {"watch.streams_max", nullptr, kNone, &w.streams_max, ""},
                         {"watch.streams_per_connection_max", nullptr, kNone, &w.streams_per_connection_max, ""},
                         {"watch.buffer_bytes", nullptr, kNone, &w.buffer_bytes, ""},
                         {"watch.memory_bytes", nullptr, kNone, &w.memory_bytes, ""}});
}

// Flag-only: their "keys" are never looked up in a file, see Setting::key.
void AddKvApi(KvApiArguments& k, std::vector<Setting>& out) {
  out.insert(out.end(), {{".key", nullptr, kValue, &k.key, "Keys of --cmd kvapi::*"},
                         {".value", nullptr, kValue, &k.value, "Value of --cmd kvapi::upsert"},
                         {".expire_after", nullptr, kValue, &k.expire_after, "Seconds, for --cmd kvapi::upsert"},
                         {".prefix", nullptr, kValue, &k.prefix, "Prefix of --cmd kvapi::list"},
                         {".username", nullptr, kValue, &k.username, "User of --cmd kvapi::*"},
                         {".password", nullptr, kValue, &k.password, "Password of --cmd kvapi::*"}});
}

}  // namespace

std::string Setting::FlagName() const {
  std::string_view name = key;
  constexpr std::string_view kRaftTable = "raft_config.";
  if (name.starts_with(kRaftTable)) name.remove_prefix(kRaftTable.size());
  if (name.starts_with('.')) name.remove_prefix(1);
  std::string flag = "--" + std::string(name);
  std::ranges::replace_if(
      flag, [](char c) { return c == '.' || c == '_'; }, '-');
  return flag;
}

std::vector<Setting> SettingsOf(Config& config) {
  std::vector<Setting> settings;
  AddTopLevel(config, settings);
  AddLog(config, settings);
  AddMembership(config.raft, settings);
  AddTunables(config.raft, settings);
  AddWatch(config.watch, settings);
  AddKvApi(config.kvapi, settings);
  return settings;
}

}  // namespace metasrv::server
