#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/limits.h"

namespace metasrv::server {

inline constexpr const char* kDefaultLogFilter = "Warn,databend_=Info,openraft=Info";
inline constexpr const char* kDefaultLogDir = "./.databend/logs";

struct LogFileConfig {
  bool on = true;
  std::string level = kDefaultLogFilter;
  std::string dir = kDefaultLogDir;
  std::string format = "json";
  std::uint64_t limit = 48;                            // files kept
  std::uint64_t max_size = 4ULL * 1024 * 1024 * 1024;  // bytes
};

struct LogStderrConfig {
  bool on = false;
  std::string level = kDefaultLogFilter;
  std::string format = "text";
};

// Remote log history: read and shown, not acted on (config-and-cli.md §2.2).
struct LogStorageConfig {
  bool on = false;
  std::uint64_t interval = 2;
  std::string stage_name = "log_1f93b76af0bd4b1d8e018667865fbc65";
  std::string level = "INFO";
};

// Sizes in bytes, times in milliseconds (config-and-cli.md §2.3). Keys that size upstream's own storage are accepted
// and shown; those without a counterpart here have no effect (ruling 9).
struct RaftConfig {
  std::uint64_t id = 0;
  std::string raft_dir = "./.databend/meta";
  std::string raft_listen_host = "127.0.0.1";
  std::string raft_advertise_host;  // the machine's host name unless set
  std::uint16_t raft_api_port = 28004;
  std::string cluster_name = "foo_cluster";
  bool single = false;
  std::vector<std::string> join;
  bool learner = false;
  std::vector<std::string> leave_via;
  std::optional<std::uint64_t> leave_id;
  std::uint64_t wait_leader_timeout = 180000;
  std::uint64_t heartbeat_interval = 500;
  std::uint64_t install_snapshot_timeout = 4000;
  std::uint64_t snapshot_logs_since_last = 1024;
  std::uint64_t max_applied_log_to_keep = 1000;
  std::uint64_t snapshot_chunk_size = 4ULL * 1024 * 1024;
  std::uint64_t snapshot_send_rate = 0;  // ours: bytes per second of outgoing snapshots; 0: no limit
  bool snapshot_db_debug_check = true;
  std::uint64_t snapshot_db_block_keys = 8000;
  std::uint64_t snapshot_db_block_cache_size = 64ULL * 1024 * 1024;
  std::uint64_t log_cache_max_items = 1000000;
  std::uint64_t log_cache_capacity = 64ULL * 1024 * 1024;
  std::uint64_t log_wal_chunk_max_records = 100000;
  std::uint64_t log_wal_chunk_max_size = 256ULL * 1024 * 1024;
  std::optional<std::uint64_t> compact_immutables_ms;
  std::optional<std::uint64_t> raft_grpc_max_message_size;
  std::optional<std::string> raft_secret;
  std::vector<std::string> raft_accepted_secrets;
  std::optional<bool> raft_secret_strict;
  // Ours: TLS between nodes, docs/OPERATIONS.md. The first three together or none.
  std::string raft_tls_cert;
  std::string raft_tls_key;
  std::string raft_tls_ca;
  bool raft_tls_optional = false;  // also without, while not every node has it
  std::string raft_tls_domain;     // the name in every node's certificate; empty: the host that is dialled
  // This server's own keys, in the file only, so that flags, help and show-config stay as published.
  bool read_lease = false;                       // docs/decisions/0015
  std::uint64_t clock_drift_bound_ppm = 10'000;  // that no node's clock exceeds
};

// Limits of watches; this server's own keys, in the file only.
struct WatchConfig {
  bool on = true;
  std::uint64_t streams_max = 65536;
  std::uint64_t streams_per_connection_max = 16384;
  std::uint64_t buffer_bytes = 32ULL * 1024 * 1024;   // that may wait for one stream
  std::uint64_t memory_bytes = 256ULL * 1024 * 1024;  // that may wait for all of them
};

// Arguments of `--cmd kvapi::<op>` (config-and-cli.md §6.7); flags only.
struct KvApiArguments {
  std::vector<std::string> key;
  std::string value;
  std::optional<std::uint64_t> expire_after;  // seconds
  std::string prefix;
  std::string username = "root";
  std::string password;
};

// Everything the server can be told, after merging defaults, file, environment and flags.
struct Config {
  std::string cmd;
  std::string config_file;
  std::string admin_api_address = "127.0.0.1:28002";
  std::string admin_tls_server_cert;
  std::string admin_tls_server_key;
  std::string admin_tls_client_ca;  // ours, like grpc_tls_client_ca
  std::string grpc_api_address = "127.0.0.1:9191";
  std::optional<std::string> grpc_api_advertise_host;
  std::string grpc_tls_server_cert;
  std::string grpc_tls_server_key;
  std::string grpc_tls_client_ca;  // ours
  // This server's own keys, in the file only, like the limits (docs/OPERATIONS.md).
  std::optional<std::string> grpc_api_user;
  std::optional<std::string> grpc_api_password;
  RequestLimits limits;
  std::uint64_t streams_per_connection_max = 100'000;
  std::optional<std::uint64_t> grpc_api_max_message_size;
  std::optional<std::string> metric_api_address;
  std::string log_level = kDefaultLogFilter;
  std::string log_dir = kDefaultLogDir;
  LogFileConfig log_file;
  LogStderrConfig log_stderr;
  LogStorageConfig log_storage;
  RaftConfig raft;
  WatchConfig watch;
  KvApiArguments kvapi;

  bool id_was_given = false;          // `id` came from somewhere else than the default
  std::vector<std::string> warnings;  // to be logged once a log exists (ruling 11)
};

// A defaulted configuration; raft_advertise_host is the machine's host name.
[[nodiscard]] Config DefaultConfig();

using Field = std::variant<std::string*, bool*, std::uint64_t*, std::uint16_t*, std::vector<std::string>*,
                           std::optional<std::string>*, std::optional<std::uint64_t>*, std::optional<bool>*>;

// How a setting appears on the command line.
enum class FlagShape : std::uint8_t {
  kNone,           // not settable by flag
  kValue,          // --x v, --x=v; lists also repeat and take several values
  kSwitch,         // bare
  kOptionalValue,  // bare = true, or --x=bool
};

// One key of the configuration, with its names in every source.
struct Setting {
  const char* key;          // dotted path in the TOML file, which the flag's name follows; ".x" is flag --x only
  const char* environment;  // nullptr: not settable by environment
  FlagShape shape;
  Field field;  // points into the Config that SettingsOf was given
  const char* help;

  // "--raft-api-port" for "raft_config.raft_api_port".
  [[nodiscard]] std::string FlagName() const;
};

// Every setting of `config`, in the order of the help text. The pointers live as long as `config` stays where it is.
[[nodiscard]] std::vector<Setting> SettingsOf(Config& config);

// Parses text into a scalar or optional field; a list gets one more element. Errors: what is wrong with the text.
[[nodiscard]] std::expected<void, std::string> AssignText(const Field& field, const std::string& text);

// Reads TOML text into `config`; unknown keys become warnings. Errors: the parser's or the type checker's message.
[[nodiscard]] std::expected<void, std::string> ApplyToml(std::string_view text, Config& config);

using EnvironmentReader = std::function<std::optional<std::string>(const char* name)>;

// The process environment.
[[nodiscard]] std::optional<std::string> ReadProcessEnvironment(const char* name);

// Applies the variables of config-and-cli.md §4.2. Errors: names the variable whose value cannot be read.
[[nodiscard]] std::expected<void, std::string> ApplyEnvironment(const EnvironmentReader& environment, Config& config);

// A flag that was given, with its values (several for lists, one otherwise).
struct FlagValue {
  std::string flag;
  std::vector<std::string> values;
};

// The outcome of reading the command line: what was given, or that the process should print and end.
struct CommandLine {
  std::vector<FlagValue> flags;
  std::string config_file;
  bool version = false;
  std::optional<std::string> help;  // text for stdout
};

// Errors: message and usage for stderr; the process exits with 2.
[[nodiscard]] std::expected<CommandLine, std::string> ParseCommandLine(int argc, const char* const* argv);

// Merges defaults, file, environment and flags (config-and-cli.md §1). Errors: text for `Error: …`, exit 1.
[[nodiscard]] std::expected<Config, std::string> LoadConfig(const CommandLine& command_line,
                                                            const EnvironmentReader& environment);

// The checks of config-and-cli.md §9 in their order; each error is the exact text.
[[nodiscard]] std::expected<void, std::string> ValidateLogFormats(const Config& config);
[[nodiscard]] std::expected<void, std::string> ValidateAddresses(const Config& config);
// `initialised`: raft_dir holds a node already, which lifts some demands (§6.5, §9).
[[nodiscard]] std::expected<void, std::string> ValidateRaft(const Config& config, bool initialised);

// The members to ask for admission: `join` without this node's own addresses.
[[nodiscard]] std::vector<std::string> JoinOthers(const Config& config);

// "host:port" of the client port as others should dial it, if a host to advertise is configured.
[[nodiscard]] std::optional<std::string> GrpcAdvertiseAddress(const Config& config);

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};

// Splits at the last ':'; brackets around the host are kept. Errors: none when there is no valid port.
[[nodiscard]] std::optional<HostPort> SplitHostPort(std::string_view address);

// What `--cmd show-config` and /v1/config print: pretty JSON, secrets as "***" (config-and-cli.md §6.6).
[[nodiscard]] std::string ShowConfig(const Config& config);

// The two parts of the start-up banner (config-and-cli.md §5.2), without a final newline each.
[[nodiscard]] std::string BannerStart();
[[nodiscard]] std::string BannerConfig(const Config& config);

}  // namespace metasrv::server
