// Merging, types and validation texts of config-and-cli.md §1, §3, §6.5, §9.
#include "server/config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace metasrv::server {
namespace {

std::optional<std::string> NoEnvironment(const char*) { return std::nullopt; }

CommandLine Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "databend-meta");
  auto parsed = ParseCommandLine(static_cast<int>(arguments.size()), arguments.data());
  EXPECT_TRUE(parsed) << parsed.error();
  return parsed.value_or(CommandLine{});
}

Config Load(std::vector<const char*> arguments, const EnvironmentReader& environment = NoEnvironment) {
  auto config = LoadConfig(Parse(std::move(arguments)), environment);
  EXPECT_TRUE(config) << config.error();
  return config.value_or(Config{});
}

TEST(Flags, BothSpellingsOfAValueAreAccepted) {
  EXPECT_EQ(Load({"--raft-api-port", "1234"}).raft.raft_api_port, 1234);
  EXPECT_EQ(Load({"--raft-api-port=1234"}).raft.raft_api_port, 1234);
}

TEST(Flags, ListsTakeRepeatedFlagsAndSeveralValues) {
  const std::vector<std::string> expected{"a:1", "b:2", "c:3"};
  EXPECT_EQ(Load({"--join", "a:1", "--join", "b:2", "--join", "c:3"}).raft.join, expected);
  EXPECT_EQ(Load({"--leave-id", "3", "--leave-via", "a:1", "b:2", "c:3"}).raft.leave_via, expected);
  EXPECT_EQ(Load({"--join", "a:1,b:2"}).raft.join, std::vector<std::string>{"a:1,b:2"});
}

TEST(Flags, OptionalValueSwitchesTakeAnAttachedBool) {
  EXPECT_FALSE(Load({"--log-file-on=false"}).log_file.on);
  EXPECT_TRUE(Load({"--log-stderr-on"}).log_stderr.on);
  EXPECT_TRUE(Load({"--log-stderr-on=true"}).log_stderr.on);
}

TEST(Flags, MistakesAreUsageErrors) {
  for (std::vector<const char*> arguments :
       std::vector<std::vector<const char*>>{{"databend-meta", "--no-such-flag"},
                                             {"databend-meta", "--id"},
                                             {"databend-meta", "--id", "x"},
                                             {"databend-meta", "--id=-1"},
                                             {"databend-meta", "--raft-api-port=65536"},
                                             {"databend-meta", "positional"},
                                             {"databend-meta", "--single=false"},
                                             {"databend-meta", "--raft-secret-strict"}}) {
    EXPECT_FALSE(ParseCommandLine(static_cast<int>(arguments.size()), arguments.data())) << arguments[1];
  }
}

TEST(Flags, HelpAndVersionAreReported) {
  EXPECT_TRUE(Parse({"--help"}).help.has_value());
  EXPECT_NE(Parse({"-h"}).help->find("--raft-advertise-host"), std::string::npos);
  EXPECT_TRUE(Parse({"-V"}).version);
  EXPECT_TRUE(Parse({"--version"}).version);
}

struct TypeErrorRow {
  const char* toml;
  const char* fragment;
};

TEST(Toml, WrongTypesAreRefused) {
  const TypeErrorRow rows[] = {
      {"[raft_config]\njoin = \"a:1\"", "raft_config.join"},
      {"[raft_config]\njoin = [1]", "raft_config.join"},
      {"[raft_config]\nid = \"1\"", "raft_config.id"},
      {"[raft_config]\nid = -1", "out of range"},
      {"[raft_config]\nraft_api_port = 65536", "out of range"},
      {"[raft_config]\nsingle = 1", "raft_config.single"},
      {"admin_api_address = 1", "admin_api_address"},
      {"raft_config = 1", "raft_config"},
      {"log = \"x\"", "log"},
      {"[log]\nfile = true", "log.file"},
      {"a = 1\na = 2", "TOML parse error"},
      {"a = ", "TOML parse error"},
      {"a = \"\xff\"", "TOML parse error"},
  };
  for (const TypeErrorRow& row : rows) {
    Config config = DefaultConfig();
    auto done = ApplyToml(row.toml, config);
    ASSERT_FALSE(done) << row.toml;
    EXPECT_NE(done.error().find(row.fragment), std::string::npos) << done.error();
  }
}

TEST(Toml, UnknownKeysAreIgnoredWithAWarningEach) {
  Config config = DefaultConfig();
  ASSERT_TRUE(ApplyToml(
      "x = 1\n[raft_config]\nno_sync = true\nid = 7\n[other]\ny = 1\n[log.file]\nprefix_filter = \"\"", config));
  EXPECT_EQ(config.raft.id, 7U);
  EXPECT_EQ(config.warnings.size(), 4U);
}

TEST(Toml, AQuotedKeyWithADotIsNoneOfOurs) {
  Config config = DefaultConfig();
  ASSERT_TRUE(ApplyToml("\"log.file\" = 1\n\"raft_config.id\" = 7\n\"log.stderr\" = {}", config));
  EXPECT_EQ(config.raft.id, 0U);
  EXPECT_EQ(config.warnings.size(), 3U);
}

TEST(Toml, AnEmptyLogHeaderIsLegal) {
  Config config = DefaultConfig();
  EXPECT_TRUE(ApplyToml("[log]\n", config));
  EXPECT_TRUE(config.warnings.empty());
}

TEST(Validation, TextsAreExact) {
  struct Row {
    std::vector<const char*> arguments;
    std::string text;
  };
  const Row rows[] = {
      {{"--log-file-format", "xml"}, "Invalid file log format: unknown log format: xml"},
      {{"--log-stderr-format", "xml"}, "Invalid stderr log format: unknown log format: xml"},
      {{"--grpc-api-address", "localhost:9191"}, "invalid socket address syntax while parsing localhost:9191"},
      {{"--grpc-api-address", "[::1]:9191"}, "invalid socket address syntax while parsing [::1]:9191"},
      {{"--raft-secret", ""}, "`raft_secret` must not be empty"},
      {{"--leave-via", "a:1"},
       "`leave_via` is set but `leave_id` is not: the node to remove from the cluster is unknown"},
      {{"--raft-accepted-secrets", ""}, "`raft_accepted_secrets` must not contain an empty secret"},
      {{"--raft-secret-strict", "true"},
       "`raft_secret_strict` is enabled but `raft_accepted_secrets` is empty: the node would reject every incoming "
       "raft "
       "RPC"},
      {{}, "at least one of `single` and `join` needs to be enabled"},
      {{"--single", "--join", "a:1"}, "at least one of `single` and `join` needs to be enabled"},
      {{"--join", "127.0.0.1:28004"}, "--join must not be set to itself"},
  };
  for (const Row& row : rows) {
    const Config config = Load(row.arguments);
    auto done = ValidateLogFormats(config);
    if (done) done = ValidateAddresses(config);
    if (done) done = ValidateRaft(config, false);
    ASSERT_FALSE(done) << row.text;
    EXPECT_EQ(done.error(), row.text);
  }
}

TEST(Validation, ALeaseNeedsClocksOfSomeQuality) {
  Config config = DefaultConfig();
  config.raft.single = true;
  config.raft.clock_drift_bound_ppm = 100'000;
  EXPECT_TRUE(ValidateRaft(config, false));
  config.raft.clock_drift_bound_ppm = 100'001;
  const auto refused = ValidateRaft(config, false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(),
            "`clock_drift_bound_ppm` is 100001: clocks that are off by more than 100000 ppm can not keep a lease; set "
            "`read_lease` to false instead");
}

TEST(Validation, HalfOfAProtectionIsRefused) {
  for (const auto& [toml, text] : std::vector<std::pair<std::string, std::string>>{
           {"grpc_api_user = 'u'", "`grpc_api_user` and `grpc_api_password` must be set together"},
           {"grpc_api_password = 'p'", "`grpc_api_user` and `grpc_api_password` must be set together"},
           {"grpc_api_user = 'u'\ngrpc_api_password = ''", "`grpc_api_password` must not be empty"},
           {"grpc_tls_client_ca = 'ca'\ngrpc_tls_server_key = 'k'",
            "`grpc_tls_client_ca` needs `grpc_tls_server_cert` and `grpc_tls_server_key`"},
           {"admin_tls_client_ca = 'ca'\nadmin_tls_server_cert = 'c'",
            "`admin_tls_client_ca` needs `admin_tls_server_cert` and `admin_tls_server_key`"}}) {
    Config config = DefaultConfig();
    ASSERT_TRUE(ApplyToml(toml, config)) << toml;
    const auto refused = ValidateAddresses(config);
    ASSERT_FALSE(refused) << toml;
    EXPECT_EQ(refused.error(), text);
  }
}

TEST(Toml, LimitsHaveATableOfTheirOwn) {
  Config config = DefaultConfig();
  ASSERT_TRUE(ApplyToml("[grpc_limits]\nkey_bytes_max = 7\nstreams_per_connection_max = 9", config));
  EXPECT_EQ(config.limits.key_bytes_max, 7U);
  EXPECT_EQ(config.streams_per_connection_max, 9U);
  EXPECT_TRUE(config.warnings.empty());
}

TEST(Validation, AnInitialisedDirectoryNeedsNeitherSingleNorJoin) {
  EXPECT_TRUE(ValidateRaft(Load({}), true));
  EXPECT_TRUE(ValidateRaft(Load({"--join", "127.0.0.1:28004"}), true));
  EXPECT_FALSE(ValidateRaft(Load({"--single", "--join", "a:1"}), true));
}

TEST(Validation, LeavingNeedsNoTopology) {
  EXPECT_TRUE(ValidateRaft(Load({"--leave-id", "1", "--leave-via", "a:1"}), false));
}

TEST(Validation, TlsBetweenNodesIsWholeOrAbsent) {
  const auto refusal = [](std::vector<const char*> arguments) {
    arguments.push_back("--single");
    const auto valid = ValidateRaft(Load(std::move(arguments)), false);
    return valid ? "" : valid.error();
  };
  EXPECT_EQ(refusal({}), "");
  EXPECT_EQ(refusal({"--raft-tls-cert", "c", "--raft-tls-key", "k", "--raft-tls-ca", "a"}), "");
  EXPECT_EQ(refusal({"--raft-tls-cert", "c", "--raft-tls-key", "k", "--raft-tls-ca", "a", "--raft-tls-domain", "d"}),
            "");
  const std::string rest = "is not: TLS between nodes needs `raft_tls_cert`, `raft_tls_key` and `raft_tls_ca`";
  EXPECT_EQ(refusal({"--raft-tls-cert", "c", "--raft-tls-key", "k"}),
            "`raft_tls_cert` is set but `raft_tls_ca` " + rest);
  EXPECT_EQ(refusal({"--raft-tls-ca", "a"}), "`raft_tls_ca` is set but `raft_tls_cert` " + rest);
  EXPECT_EQ(refusal({"--raft-tls-optional", "true"}), "`raft_tls_optional` is set but `raft_tls_cert` " + rest);
  EXPECT_EQ(refusal({"--raft-tls-domain", "d"}), "`raft_tls_domain` is set but `raft_tls_cert` " + rest);
}

TEST(Validation, OwnAddressesAreDroppedFromJoin) {
  const Config config = Load({"--raft-listen-host", "0.0.0.0", "--raft-advertise-host", "me", "--raft-api-port", "5",
                              "--join", "a:5", "me:5", "0.0.0.0:5", "me:6"});
  EXPECT_EQ(JoinOthers(config), (std::vector<std::string>{"a:5", "me:6"}));
  EXPECT_TRUE(ValidateRaft(config, false));
}

TEST(ShowConfig, HasThePublishedNamesAndHidesSecrets) {
  const Config config = Load({"--raft-secret", "s3cret", "--raft-accepted-secrets", "s3cret", "--cmd", "show-config"});
  const std::string text = ShowConfig(config);
  EXPECT_EQ(text.find("s3cret"), std::string::npos);
  const auto json = nlohmann::json::parse(text);
  EXPECT_EQ(json["cmd"], "show-config");
  EXPECT_EQ(json["admin"]["api_address"], "127.0.0.1:28002");
  EXPECT_EQ(json["service"]["grpc"]["listen_port"], 9191);
  EXPECT_EQ(json["service"]["grpc"]["advertise_host"], nullptr);
  EXPECT_EQ(json["service"]["raft_config"]["raft_api_port"], 28004);
  EXPECT_EQ(json["service"]["raft_config"]["raft_secret"], "***");
  EXPECT_EQ(json["log"]["file"]["max_size"], 4294967296U);
  EXPECT_EQ(json["log"]["stderr"]["format"], "text");
}

TEST(ShowConfig, NamesOurKeysOfTlsWhenTheyAreSet) {
  const auto published = nlohmann::json::parse(ShowConfig(Load({})));
  EXPECT_EQ(published["admin"]["tls"].size(), 2U);
  EXPECT_EQ(published["service"]["grpc"]["tls"].size(), 2U);
  EXPECT_FALSE(published["service"]["raft_config"].contains("raft_tls_cert"));
  const auto json = nlohmann::json::parse(ShowConfig(Load(
      {"--admin-tls-client-ca", "a", "--grpc-tls-client-ca", "g", "--raft-tls-cert", "c", "--raft-tls-domain", "d"})));
  EXPECT_EQ(json["admin"]["tls"]["client_ca"], "a");
  EXPECT_EQ(json["service"]["grpc"]["tls"]["client_ca"], "g");
  EXPECT_EQ(json["service"]["raft_config"]["raft_tls_cert"], "c");
  EXPECT_EQ(json["service"]["raft_config"]["raft_tls_domain"], "d");
}

TEST(Banner, HasTheLinesThatScriptsRead) {
  const Config config = Load({"--single", "--grpc-api-advertise-host", "h", "--raft-advertise-host", "r", "--id", "4"});
  const std::string text = BannerConfig(config);
  EXPECT_NE(text.find("HTTP API listen at: 127.0.0.1:28002\n"), std::string::npos);
  EXPECT_NE(text.find("gRPC API listen at: 127.0.0.1:9191 advertise: h:9191\n"), std::string::npos);
  EXPECT_NE(text.find("Raft API listen at: 127.0.0.1:28004 advertise: r:28004\n"), std::string::npos);
  EXPECT_NE(text.find("Raft API max message: 32MB\n"), std::string::npos);
  EXPECT_NE(text.find("Raft  Id: 4; Cluster: foo_cluster\n"), std::string::npos);
  EXPECT_NE(text.find("      Status: single\n"), std::string::npos);
  EXPECT_NE(BannerConfig(Load({"--join", "a:1", "b:2"})).find("      Status: join [\"a:1\", \"b:2\"]\n"),
            std::string::npos);
}

TEST(HostPort, SplitsAtTheLastColonAndNeedsAPort) {
  EXPECT_EQ(SplitHostPort("[::1]:80")->host, "[::1]");
  EXPECT_EQ(SplitHostPort("h:80")->port, 80);
  for (const char* bad : {"", "h", "h:", ":80", "h:65536", "h:x", "h:-1"}) EXPECT_FALSE(SplitHostPort(bad)) << bad;
}

}  // namespace
}  // namespace metasrv::server
