#include "ctl/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "common/version.h"

namespace metasrv::ctl {
namespace {

constexpr const char* kGrpcDefault = "127.0.0.1:9191";
constexpr const char* kAdminDefault = "127.0.0.1:28002";
constexpr const char* kInputFile = "File to read, also .zst and .gz; standard input when empty";
constexpr const char* kSnapshotAdminDefault = "127.0.0.1:28101";  // differs upstream, too (metactl.md §2)

// CLI11 reads "-1" as a very large unsigned number.
std::string DigitsOnly(const std::string& text) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  return digits ? "" : "not a number: " + text;
}

std::string VersionLine() {
  return std::string("databend-metactl v") + kProductVersion + "-" + kGitSha + "-simd(" + kCompiler + "-" + kBuildTime +
         ")";
}

// Options before the subcommand; on their own they are the flag-only form (§3).
struct GlobalOptions {
  std::string log_level;
  std::optional<std::string> grpc_address;
  bool do_export = false;
  bool do_import = false;
  std::optional<std::string> raft_dir;
  std::optional<std::uint64_t> chunk_size;
  std::string db;
  std::vector<std::string> initial_cluster;
  std::uint64_t id = 0;
};

// Declares the options on a CLI11 app, fills the commands while parsing and picks the one that was named.
class Parser {
 public:
  Parser() : app_("Controls a Databend meta service: status, reads, writes, backup and restore", "databend-metactl") {
    app_.set_version_flag("-V,--version", VersionLine());
    app_.require_subcommand(0, 1);
    DeclareGlobalOptions();
    DeclareClientCommands();
    DeclareBackupCommands();
    DeclareAdminCommands();
    DeclareTools();
  }

  std::expected<Command, Message> Parse(std::vector<std::string> arguments,
                                        const std::optional<std::string>& env_address) {
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
    try {
      app_.parse(std::move(arguments));
    } catch (const CLI::CallForHelp&) {
      const auto unknown = app_.remaining();
      if (!unknown.empty()) return std::unexpected(UsageError("unrecognized subcommand '" + unknown.front() + "'"));
      return std::unexpected(Message{0, app_.help()});
    } catch (const CLI::CallForVersion& version) {
      return std::unexpected(Message{0, std::string(version.what()) + "\n"});
    } catch (const CLI::ParseError& error) {
      return std::unexpected(UsageError(error.what()));
    }
    for (const auto& [subcommand, make] : makers_) {
      if (subcommand->parsed()) return make();
    }
    return FlagOnlyForm(env_address);
  }

 private:
  void DeclareGlobalOptions() {
    app_.add_option("--log-level", global_.log_level, "Accepted and ignored: the tool writes no log");
    app_.add_option("--grpc-api-address", global_.grpc_address,
                    "gRPC address of a node [env: METASRV_GRPC_API_ADDRESS]");
    app_.add_flag("--export", global_.do_export, "Write a backup, as `export` does");
    app_.add_flag("--import", global_.do_import, "Restore a backup, as `import` does");
    app_.add_option("--raft-dir", global_.raft_dir, "Data directory of a stopped node");
    app_.add_option("--export-chunk-size", global_.chunk_size, "Lines per message of an export")->check(DigitsOnly);
    app_.add_option("--db", global_.db, "Backup file; standard input or output when empty");
    AddPeers(app_.add_option("--initial-cluster", global_.initial_cluster));
    app_.add_option("--id", global_.id, "Node id")->check(DigitsOnly);
  }

  void DeclareClientCommands() {
    auto* status = Subcommand("status", "Print the cluster as one node sees it", StatusCommand{});
    AddGrpcAddress(status);
    auto* get = Subcommand("get", "Print one key as JSON", GetCommand{});
    AddGrpcAddress(get);
    get->app->add_option("--key", get->command.key, "Key to read")->required();
    auto* upsert = Subcommand("upsert", "Write one key", UpsertCommand{});
    AddGrpcAddress(upsert);
    upsert->app->add_option("--key", upsert->command.key, "Key to write")->required();
    upsert->app->add_option("--value", upsert->command.value, "Value, as text")->required();
    auto* watch = Subcommand("watch", "Print the changes below a prefix as they happen", WatchCommand{});
    AddGrpcAddress(watch);
    watch->app->add_option("--prefix", watch->command.prefix, "Directory to watch")->required();
    AddGrpcAddress(Subcommand("member-list", "Print the gRPC addresses of all nodes", MemberListCommand{}));
    auto* layout = Subcommand("keys-layout", "Count the keys of each directory", KeysLayoutCommand{});
    AddGrpcAddress(layout);
    layout->app->add_option("--depth", layout->command.depth, "Deepest level to print")->check(DigitsOnly);
  }

  void DeclareBackupCommands() {
    auto* backup = Subcommand("export", "Write a backup of a running node or of a directory", ExportCommand{});
    AddGrpcAddress(backup);
    backup->app->add_option("--raft-dir", backup->command.raft_dir, "Data directory of a stopped node");
    backup->app->add_option("--chunk-size", backup->command.chunk_size, "Lines per message from a running node")
        ->check(DigitsOnly);
    backup->app->add_option("--db", backup->command.db,
                            "File to write, packed when named .zst or .gz; standard output when empty");
    backup->app->add_option("--id", backup->command.id, "Node id for a directory that has none")->check(DigitsOnly);
    auto* import = Subcommand("import", "Replace a data directory by a backup", ImportCommand{});
    import->app->add_option("--raft-dir", import->command.raft_dir, "Data directory to replace")->required();
    import->app->add_option("--db", import->command.db, kInputFile);
    AddPeers(import->app->add_option("--initial-cluster", import->command.initial_cluster));
    import->app->add_option("--id", import->command.id, "This node's id in the new cluster")->check(DigitsOnly);
    DeclareRestore();
    auto* verify = Subcommand("verify", "Check a backup without importing it", VerifyCommand{});
    verify->app->add_option("--db", verify->command.db, kInputFile);
    verify->app->add_option("--state-hash", verify->command.state_hash,
                            "State hash that the backup must have, as a node shows it at /v1/cluster/state_hash");
  }

  void DeclareRestore() {
    auto* restore =
        Subcommand("restore", "Make a new cluster of a backup: its members' data directories", RestoreCommand{});
    restore->app->add_option("--db", restore->command.db, kInputFile);
    AddPeers(restore->app->add_option("--initial-cluster", restore->command.initial_cluster)->required());
    auto* places = restore->app->add_option_group("directories");
    places
        ->add_option("--raft-dir", restore->command.raft_dirs, "Directory of one member, <id>=<directory>; repeatable")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    places->add_option("--raft-dir-root", restore->command.raft_dir_root,
                       "Where every member gets a directory, meta<id>");
    places->require_option(1);
    restore->app->add_flag("--overwrite", restore->command.overwrite, "Replace the data that is in the directories");
  }

  void DeclareAdminCommands() {
    auto* transfer = Subcommand("transfer-leader", "Hand leadership over; ask the leader", TransferLeaderCommand{});
    AddAdminAddress(transfer, kAdminDefault);
    transfer->app->add_option("--to", transfer->command.to, "Id of the next leader")->check(DigitsOnly);
    AddAdminAddress(Subcommand("trigger-snapshot", "Take a snapshot now", TriggerSnapshotCommand{}),
                    kSnapshotAdminDefault);
    auto* feature = Subcommand("set-feature", "Switch a feature on or off; ask the leader", SetFeatureCommand{});
    AddAdminAddress(feature, kAdminDefault);
    feature->app->add_option("--feature", feature->command.feature, "Name of the feature")->required();
    feature->app
        ->add_option_function<std::string>(
            "--enable", [feature](const std::string& text) { feature->command.enable = text == "true"; },
            "true or false")
        ->required()
        ->check(CLI::IsMember({"true", "false"}));
    AddAdminAddress(Subcommand("list-features", "Print the features and which are on", ListFeaturesCommand{}),
                    kAdminDefault);
    AddAdminAddress(Subcommand("metrics", "Print the metrics of a node", MetricsCommand{}), kAdminDefault);
  }

  void DeclareTools() {
    auto* bench = Subcommand("bench-client-num-conn", "Open many connections and keep them", BenchConnectionsCommand{});
    AddGrpcAddress(bench);
    bench->app->add_option("--num", bench->command.count, "How many connections")->check(DigitsOnly);
    auto* lua = Subcommand("lua", "Run Lua scripts; standard input when none is named", LuaCommand{});
    auto* file = AddRepeatable(lua->app->add_option("--file"), "Script file to run; repeatable");
    AddRepeatable(lua->app->add_option("--script"), "Lua code to run; repeatable, in order with --file");
    lua->app->callback([lua, file] { lua->command.sources = SourcesInOrder(*lua->app, file); });
    auto* dump = Subcommand("dump-raft-log-wal", "Print the Raft log of a stopped node", DumpLogCommand{});
    dump->app->add_option("--raft-dir", dump->command.raft_dir, "Data directory of a stopped node")->required();
    dump->app->add_flag("-V,--decode-values", dump->command.decode_values, "Also print the values that are written");
    dump->app->add_flag("-R,--raw", dump->command.raw, "Also print the bytes of the values that are written");
  }

  // What the options of `lua` named, in the order of the command line.
  static std::vector<LuaCommand::Source> SourcesInOrder(const CLI::App& app, const CLI::Option* file) {
    std::vector<LuaCommand::Source> sources;
    std::map<const CLI::Option*, std::size_t> taken;
    for (const CLI::Option* option : app.parse_order()) {
      const auto& values = option->results();
      const std::size_t next = taken[option]++;
      if (next < values.size()) sources.push_back({option == file, values[next]});
    }
    return sources;
  }

  template <class T>
  struct Declared {
    CLI::App* app;
    T command;
  };

  // The returned object lives as long as the parser.
  template <class T>
  Declared<T>* Subcommand(const std::string& name, const std::string& description, T defaults) {
    auto declared = std::make_shared<Declared<T>>(app_.add_subcommand(name, description), std::move(defaults));
    makers_.emplace_back(declared->app, [this, declared]() -> Command {
      FillAddress(declared->command);
      return declared->command;
    });
    return declared.get();
  }

  // A global address serves every subcommand that was given none (metactl.md §3).
  template <class T>
  void FillAddress(T& command) const {
    if constexpr (requires { command.grpc_address; }) {
      if (command.grpc_address.empty()) command.grpc_address = global_.grpc_address.value_or(kGrpcDefault);
    }
  }

  template <class T>
  static void AddGrpcAddress(Declared<T>* subcommand) {
    subcommand->app->add_option("--grpc-api-address", subcommand->command.grpc_address, "gRPC address of a node");
  }

  template <class T>
  static void AddAdminAddress(Declared<T>* subcommand, const char* otherwise) {
    subcommand->command.admin_address = otherwise;
    subcommand->app->add_option("--admin-api-address", subcommand->command.admin_address,
                                "HTTP address of a node; begins with https:// when the port has TLS");
  }

  static CLI::Option* AddRepeatable(CLI::Option* option, const char* description) {
    option->description(description);
    return option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }

  static void AddPeers(CLI::Option* option) {
    AddRepeatable(option, "Member of the new cluster, <id>=<host>:<port>; repeatable");
  }

  std::expected<Command, Message> FlagOnlyForm(const std::optional<std::string>& env_address) {
    if (global_.do_export) {
      const std::string fallback = env_address.value_or(kGrpcDefault);
      return ExportCommand{global_.grpc_address.value_or(fallback), global_.raft_dir, global_.chunk_size, global_.db,
                           global_.id};
    }
    if (!global_.do_import) return std::unexpected(Message{0, app_.help()});
    if (!global_.raft_dir) return std::unexpected(UsageError("--raft-dir is required"));
    return ImportCommand{*global_.raft_dir, global_.db, global_.initial_cluster, global_.id};
  }

  Message UsageError(const std::string& why) const { return {2, "error: " + why + "\n\n" + app_.help()}; }

  CLI::App app_;
  GlobalOptions global_;
  std::vector<std::pair<CLI::App*, std::function<Command()>>> makers_;
};

// "--name=value" as two arguments, so that an empty value stays one; "help [x]" as "[x] --help".
std::vector<std::string> Normalize(std::vector<std::string> arguments) {
  std::vector<std::string> result;
  const bool help = !arguments.empty() && arguments.front() == "help";
  for (std::size_t i = help ? 1 : 0; i < arguments.size(); ++i) {
    const auto equals = arguments[i].find('=');
    if (arguments[i].starts_with("--") && equals != std::string::npos) {
      result.push_back(arguments[i].substr(0, equals));
      result.push_back(arguments[i].substr(equals + 1));
    } else {
      result.push_back(std::move(arguments[i]));
    }
  }
  if (help) result.emplace_back("--help");
  return result;
}

}  // namespace

std::expected<Command, Message> ParseCommandLine(std::vector<std::string> arguments,
                                                 const std::optional<std::string>& address_from_environment) {
  return Parser().Parse(Normalize(std::move(arguments)), address_from_environment);
}

}  // namespace metasrv::ctl
