// Precedence of the sources and the published configuration files (config-and-cli.md §1.1, §2.5, §4.2).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "server/config.h"

namespace metasrv::server {
namespace {

class TomlFile {
 public:
  explicit TomlFile(const std::string& text) : path_(::testing::TempDir() + "/config-" + std::to_string(++count_)) {
    std::ofstream(path_) << text;
  }
  ~TomlFile() { std::filesystem::remove(path_); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  static inline int count_ = 0;
  std::string path_;
};

EnvironmentReader Environment(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

Config Load(const std::string& toml, std::map<std::string, std::string> variables = {},
            std::vector<FlagValue> flags = {}) {
  const TomlFile file(toml);
  CommandLine command_line;
  command_line.config_file = file.path();
  command_line.flags = std::move(flags);
  auto config = LoadConfig(command_line, Environment(std::move(variables)));
  EXPECT_TRUE(config) << config.error();
  return config.value_or(Config{});
}

TEST(Precedence, FlagsBeatEnvironmentBeatsFileBeatsDefault) {
  const std::string toml = "[raft_config]\nid = 1\ncluster_name = \"file\"\nraft_dir = \"file\"";
  const Config config = Load(toml, {{"KVSRV_ID", "2"}, {"CLUSTER_NAME", "env"}}, {{"--id", {"3"}}});
  EXPECT_EQ(config.raft.id, 3U);
  EXPECT_EQ(config.raft.cluster_name, "env");
  EXPECT_EQ(config.raft.raft_dir, "file");
  EXPECT_EQ(config.raft.raft_api_port, 28004);
  EXPECT_TRUE(config.id_was_given);
}

TEST(Precedence, AFlagWithTheDefaultValueStillBeatsTheFile) {
  EXPECT_EQ(
      Load("[raft_config]\nheartbeat_interval = 900", {}, {{"--heartbeat-interval", {"500"}}}).raft.heartbeat_interval,
      500U);
}

TEST(Precedence, TheFileSetsHeartbeatAndLeaderTimeout) {
  const Config config = Load("[raft_config]\nheartbeat_interval = 1000\nwait_leader_timeout = 70000");
  EXPECT_EQ(config.raft.heartbeat_interval, 1000U);
  EXPECT_EQ(config.raft.wait_leader_timeout, 70000U);
}

TEST(Precedence, LeasesAreSetInTheFileOnlyAndShownNowhere) {
  const Config off = Load("[raft_config]\nid = 1");
  EXPECT_FALSE(off.raft.read_lease);
  const Config on = Load("[raft_config]\nread_lease = true\nclock_drift_bound_ppm = 500");
  EXPECT_TRUE(on.raft.read_lease);
  EXPECT_EQ(on.raft.clock_drift_bound_ppm, 500U);
  EXPECT_TRUE(on.warnings.empty());
  EXPECT_EQ(ShowConfig(on).find("lease"), std::string::npos);
  EXPECT_EQ(ShowConfig(on).find("drift"), std::string::npos);
}

TEST(Precedence, LimitsOfWatchesAreSetInTheFileOnlyAndShownNowhere) {
  const Config config = Load("[watch]\non = false\nstreams_max = 7\nbuffer_bytes = 1000");
  EXPECT_FALSE(config.watch.on);
  EXPECT_EQ(config.watch.streams_max, 7U);
  EXPECT_EQ(config.watch.buffer_bytes, 1000U);
  EXPECT_TRUE(config.warnings.empty());
  EXPECT_EQ(ShowConfig(config).find("watch"), std::string::npos);
}

TEST(Precedence, ListsAreReplacedAsAWhole) {
  const std::string toml = "[raft_config]\njoin = [\"a:1\", \"b:2\"]";
  EXPECT_EQ(Load(toml, {{"METASRV_JOIN", " c:3 ,, d:4 "}}).raft.join, (std::vector<std::string>{"c:3", "d:4"}));
  EXPECT_EQ(Load(toml, {}, {{"--join", {"e:5"}}}).raft.join, std::vector<std::string>{"e:5"});
}

TEST(Precedence, TheEnvironmentNamesTheFileWhenNoFlagDoes) {
  const TomlFile file("[raft_config]\nid = 9");
  auto config = LoadConfig(CommandLine{}, Environment({{"METASRV_CONFIG_FILE", file.path()}}));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->raft.id, 9U);
}

TEST(Precedence, AMissingFileIsAnErrorThatNamesIt) {
  CommandLine command_line;
  command_line.config_file = "/no/such/file.toml";
  auto config = LoadConfig(command_line, Environment({}));
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error(), "No such file or directory (os error 2): /no/such/file.toml");
}

TEST(EnvironmentVariables, BadValuesAreErrors) {
  for (const auto& [name, value] : std::map<std::string, std::string>{
           {"KVSRV_ID", "x"}, {"KVSRV_SINGLE", "yes"}, {"KVSRV_API_PORT", "65536"}, {"METASRV_LOG_FILE_LIMIT", ""}}) {
    auto config = LoadConfig(CommandLine{}, Environment({{name, value}}));
    ASSERT_FALSE(config) << name;
    EXPECT_NE(config.error().find(name), std::string::npos);
  }
}

TEST(EnvironmentVariables, NameTheFilesOfTls) {
  const Config config =
      Load("[raft_config]\nraft_tls_cert = 'file'\nraft_tls_domain = 'file'", {{"RAFT_TLS_CERT", "cert"},
                                                                               {"RAFT_TLS_KEY", "key"},
                                                                               {"RAFT_TLS_CA", "ca"},
                                                                               {"ADMIN_TLS_CLIENT_CA", "admin"},
                                                                               {"GRPC_TLS_CLIENT_CA", "grpc"}});
  EXPECT_EQ(config.raft.raft_tls_cert, "cert");
  EXPECT_EQ(config.raft.raft_tls_key, "key");
  EXPECT_EQ(config.raft.raft_tls_ca, "ca");
  EXPECT_EQ(config.raft.raft_tls_domain, "file");
  EXPECT_EQ(config.admin_tls_client_ca, "admin");
  EXPECT_EQ(config.grpc_tls_client_ca, "grpc");
  EXPECT_TRUE(config.warnings.empty());
}

TEST(LogShorthands, OverrideTheLogFileTableUnlessTheyAreTheDefault) {
  EXPECT_EQ(Load("log_dir = \"short\"\n[log.file]\ndir = \"long\"").log_file.dir, "short");
  EXPECT_EQ(Load("log_dir = \"./.databend/logs\"\n[log.file]\ndir = \"long\"").log_file.dir, "long");
  EXPECT_EQ(Load("log_level = \"DEBUG\"").log_file.level, "DEBUG");
}

TEST(ReferenceConfigurations, TheDistributionPackageLoads) {
  const Config config = Load(R"(
admin_api_address       = "0.0.0.0:28002"
grpc_api_address        = "0.0.0.0:9191"
grpc_api_advertise_host = "localhost"
[log]
[log.file]
level = "WARN"
format = "text"
dir = "/var/log/databend"
[raft_config]
id                  = 0
raft_dir            = "/var/lib/databend/raft"
raft_api_port       = 28004
raft_listen_host    = "0.0.0.0"
raft_advertise_host = "localhost"
single              = true
# join              = ["127.0.0.1:28004"]
)");
  EXPECT_EQ(config.log_file.dir, "/var/log/databend");
  EXPECT_EQ(GrpcAdvertiseAddress(config), "localhost:9191");
  EXPECT_TRUE(ValidateLogFormats(config) && ValidateAddresses(config) && ValidateRaft(config, false));
  EXPECT_TRUE(config.warnings.empty());
}

TEST(ReferenceConfigurations, TheStandaloneSeedLoads) {
  const Config config = Load(R"(
log_dir = "metadata/_logs"
admin_api_address = "127.0.0.1:28101"
grpc_api_address = "127.0.0.1:9101"
[raft_config]
id = 1
single = true
raft_dir = "metadata/datas"
)");
  EXPECT_EQ(config.log_file.dir, "metadata/_logs");
  EXPECT_EQ(config.raft.raft_dir, "metadata/datas");
  EXPECT_FALSE(GrpcAdvertiseAddress(config));
  EXPECT_TRUE(ValidateAddresses(config) && ValidateRaft(config, false));
}

TEST(ReferenceConfigurations, TheHelmChartLoadsWithItsFlags) {
  const Config config = Load(R"(
admin_api_address = "0.0.0.0:28002"
grpc_api_address = "0.0.0.0:9191"
[log.stderr]
on = true
level = "WARN"
format = "text"
[log.file]
on = true
level = "INFO"
format = "text"
dir = "/data/databend-meta/log"
prefix_filter = ""
[raft_config]
cluster_name = "c"
raft_dir = "/data/databend-meta/raft"
raft_listen_host = "0.0.0.0"
raft_api_port = 28004
max_applied_log_to_keep = 102400
install_snapshot_timeout = 60000
)",
                             {},
                             {{"--id", {"1"}},
                              {"--join", {"m0:28004", "m2:28004"}},
                              {"--raft-advertise-host", {"m1"}},
                              {"--grpc-api-advertise-host", {"m1"}}});
  EXPECT_TRUE(config.log_stderr.on);
  EXPECT_EQ(config.raft.max_applied_log_to_keep, 102400U);
  EXPECT_EQ(config.raft.join.size(), 2U);
  EXPECT_EQ(GrpcAdvertiseAddress(config), "m1:9191");
  EXPECT_TRUE(ValidateRaft(config, false));
}

TEST(ReferenceConfigurations, OldKeysAreIgnoredAndTheMetricAddressIsKept) {
  const Config config = Load(R"(
metric_api_address = "0.0.0.0:28100"
[raft_config]
no_sync = true
sled_tree_prefix = "x"
config_id = "1"
raft_api_host = "h"
snapshot_db_block_cache_item = 3
)");
  EXPECT_EQ(config.metric_api_address, "0.0.0.0:28100");
  EXPECT_EQ(config.warnings.size(), 5U);
}

}  // namespace
}  // namespace metasrv::server
