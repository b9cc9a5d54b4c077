#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace metasrv::ctl {

// One struct per subcommand (metactl.md §2). Addresses are "host:port".

struct StatusCommand {
  std::string grpc_address;
};
struct GetCommand {
  std::string grpc_address;
  std::string key;
};
struct UpsertCommand {
  std::string grpc_address;
  std::string key;
  std::string value;
};
struct WatchCommand {
  std::string grpc_address;
  std::string prefix;
};
struct MemberListCommand {
  std::string grpc_address;
};
struct KeysLayoutCommand {
  std::string grpc_address;
  std::optional<std::uint32_t> depth;
};
struct ExportCommand {
  std::string grpc_address;
  std::optional<std::string> raft_dir;  // set: from this directory instead of a running node
  std::optional<std::uint64_t> chunk_size;
  std::string db;  // file to write; empty: standard output
  std::uint64_t id = 0;
};
struct ImportCommand {
  std::string raft_dir;
  std::string db;  // file to read; empty: standard input
  std::vector<std::string> initial_cluster;
  std::uint64_t id = 0;
};
struct RestoreCommand {
  std::string db;  // file to read; empty: standard input
  std::vector<std::string> initial_cluster;
  std::vector<std::string> raft_dirs;        // "<id>=<directory>" of each node to prepare, or ...
  std::optional<std::string> raft_dir_root;  // ... below which every member gets "meta<id>"
  bool overwrite = false;
};
struct VerifyCommand {
  std::string db;                         // file to read; empty: standard input
  std::optional<std::string> state_hash;  // what it must have
};
struct TransferLeaderCommand {
  std::string admin_address;
  std::optional<std::uint64_t> to;
};
struct TriggerSnapshotCommand {
  std::string admin_address;
};
struct SetFeatureCommand {
  std::string admin_address;
  std::string feature;
  bool enable = false;
};
struct ListFeaturesCommand {
  std::string admin_address;
};
struct MetricsCommand {
  std::string admin_address;
};
struct BenchConnectionsCommand {
  std::string grpc_address;
  std::uint64_t count = 10'000;
};
struct LuaCommand {
  struct Source {
    bool is_file = false;
    std::string text;  // path or code
  };
  std::vector<Source> sources;  // in the order of the command line; none: standard input is the script
};
struct DumpLogCommand {
  std::string raft_dir;
  bool decode_values = false;
  bool raw = false;
};

using Command = std::variant<StatusCommand, GetCommand, UpsertCommand, WatchCommand, MemberListCommand,
                             KeysLayoutCommand, ExportCommand, ImportCommand, RestoreCommand, VerifyCommand,
                             TransferLeaderCommand, TriggerSnapshotCommand, SetFeatureCommand, ListFeaturesCommand,
                             MetricsCommand, BenchConnectionsCommand, LuaCommand, DumpLogCommand>;

// The command line asked for a text instead of an action: help, version or a usage error.
struct Message {
  int exit_code = 0;  // 0: `text` belongs on standard output; 2: on standard error
  std::string text;
};

// Reads the arguments after the program's name, both forms: subcommands (§4) and the flag-only form of old (§3), for
// which alone METASRV_GRPC_API_ADDRESS (`address_from_environment`) counts.
[[nodiscard]] std::expected<Command, Message> ParseCommandLine(
    std::vector<std::string> arguments, const std::optional<std::string>& address_from_environment);

}  // namespace metasrv::ctl
