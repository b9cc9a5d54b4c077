#include "ctl/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace metasrv::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

template <class T>
T Parsed(std::vector<std::string> arguments, std::optional<std::string> environment = std::nullopt) {
  const auto command = ParseCommandLine(std::move(arguments), environment);
  if (!command) {
    ADD_FAILURE() << command.error().text;
    return {};
  }
  EXPECT_TRUE(std::holds_alternative<T>(*command));
  return std::get<T>(*command);
}

Message Refused(std::vector<std::string> arguments) {
  const auto command = ParseCommandLine(std::move(arguments), std::nullopt);
  EXPECT_FALSE(command.has_value());
  return command ? Message{-1, ""} : command.error();
}

TEST(CommandLine, EverySubcommandHasTheDefaultsOfTheSpecification) {
  EXPECT_EQ("127.0.0.1:9191", Parsed<StatusCommand>({"status"}).grpc_address);
  EXPECT_EQ("127.0.0.1:9191", Parsed<MemberListCommand>({"member-list"}).grpc_address);
  EXPECT_EQ("127.0.0.1:28002", Parsed<TransferLeaderCommand>({"transfer-leader"}).admin_address);
  EXPECT_EQ("127.0.0.1:28101", Parsed<TriggerSnapshotCommand>({"trigger-snapshot"}).admin_address);
  EXPECT_EQ("127.0.0.1:28002", Parsed<ListFeaturesCommand>({"list-features"}).admin_address);
  EXPECT_EQ("127.0.0.1:28002", Parsed<MetricsCommand>({"metrics"}).admin_address);
  EXPECT_EQ(10'000U, Parsed<BenchConnectionsCommand>({"bench-client-num-conn"}).count);
  EXPECT_TRUE(Parsed<LuaCommand>({"lua"}).sources.empty());
  const auto dump = Parsed<DumpLogCommand>({"dump-raft-log-wal", "--raft-dir", "d"});
  EXPECT_FALSE(dump.decode_values || dump.raw);
  const auto backup = Parsed<ExportCommand>({"export"});
  EXPECT_EQ("127.0.0.1:9191", backup.grpc_address);
  EXPECT_EQ("", backup.db);
  EXPECT_EQ(0U, backup.id);
  EXPECT_FALSE(backup.raft_dir || backup.chunk_size);
}

TEST(CommandLine, ValuesComeAfterASpaceOrAnEqualsSign) {
  EXPECT_EQ("a=b", Parsed<GetCommand>({"get", "--key", "a=b"}).key);
  EXPECT_EQ("a=b", Parsed<GetCommand>({"get", "--key=a=b"}).key);
  EXPECT_EQ("--x", Parsed<UpsertCommand>({"upsert", "--key", "k", "--value=--x"}).value);
}

TEST(CommandLine, EmptyValuesAreValid) {
  EXPECT_EQ("", Parsed<GetCommand>({"get", "--key", ""}).key);
  EXPECT_EQ("", Parsed<GetCommand>({"get", "--key="}).key);
  EXPECT_EQ("", Parsed<ExportCommand>({"export", "--db=", "--id=3"}).db);
  EXPECT_EQ("", Parsed<WatchCommand>({"watch", "--prefix", ""}).prefix);
}

TEST(CommandLine, ImportCollectsEveryInitialClusterMember) {
  const auto import = Parsed<ImportCommand>(
      {"import", "--raft-dir", "d", "--db", "f", "--id=2", "--initial-cluster", "1=a:1", "--initial-cluster=2=b:2"});
  EXPECT_EQ("d", import.raft_dir);
  EXPECT_EQ("f", import.db);
  EXPECT_EQ(2U, import.id);
  EXPECT_THAT(import.initial_cluster, ElementsAre("1=a:1", "2=b:2"));
}

TEST(CommandLine, LuaKeepsTheOrderOfFilesAndScripts) {
  const auto lua = Parsed<LuaCommand>({"lua", "--script", "a", "--file=b.lua", "--file", "c.lua", "--script=d=1"});
  std::string order;
  for (const auto& source : lua.sources) order += (source.is_file ? " file:" : " script:") + source.text;
  EXPECT_EQ(" script:a file:b.lua file:c.lua script:d=1", order);
}

TEST(CommandLine, OnlyTheLogDumpHasShortOptions) {
  const auto dump = Parsed<DumpLogCommand>({"dump-raft-log-wal", "-V", "--raft-dir=d", "-R"});
  EXPECT_TRUE(dump.decode_values && dump.raw);
  const auto both = Parsed<DumpLogCommand>({"dump-raft-log-wal", "-RV", "--raft-dir=d"});
  EXPECT_TRUE(both.decode_values && both.raw);
}

TEST(CommandLine, RestoreCollectsTheMembersAndTheirDirectories) {
  const auto some = Parsed<RestoreCommand>({"restore", "--db", "f", "--initial-cluster", "1=a:1",
                                            "--initial-cluster=2=b:2", "--raft-dir", "1=./x", "--raft-dir=2=./y=z"});
  EXPECT_EQ("f", some.db);
  EXPECT_THAT(some.initial_cluster, ElementsAre("1=a:1", "2=b:2"));
  EXPECT_THAT(some.raft_dirs, ElementsAre("1=./x", "2=./y=z"));
  EXPECT_EQ(std::nullopt, some.raft_dir_root);
  EXPECT_FALSE(some.overwrite);
  const auto all =
      Parsed<RestoreCommand>({"restore", "--initial-cluster", "1=a:1", "--raft-dir-root", "d", "--overwrite"});
  EXPECT_EQ("d", all.raft_dir_root);
  EXPECT_TRUE(all.overwrite);
}

TEST(CommandLine, VerifyTakesAFileAndAStateHash) {
  EXPECT_EQ("", Parsed<VerifyCommand>({"verify"}).db);
  const auto verify = Parsed<VerifyCommand>({"verify", "--db", "f", "--state-hash", "0123"});
  EXPECT_EQ("f", verify.db);
  EXPECT_EQ("0123", verify.state_hash);
}

TEST(CommandLine, WrongUsageEndsWithCodeTwoAndSaysWhy) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"frobnicate"},
           {"stat"},
           {"help", "stat"},
           {"status", "--frobnicate"},
           {"status", "extra"},
           {"get"},
           {"get", "--ke", "x"},
           {"get", "--key", "a", "--key", "b"},
           {"upsert", "--key", "k"},
           {"watch"},
           {"import", "--db", "f"},
           {"restore", "--db", "f", "--raft-dir-root", "d"},
           {"restore", "--initial-cluster", "1=a:1"},
           {"restore", "--initial-cluster", "1=a:1", "--raft-dir", "1=d", "--raft-dir-root", "d"},
           {"--import"},
           {"export", "--id", "x"},
           {"export", "--id", "-1"},
           {"transfer-leader", "--to", "leader"},
           {"set-feature", "--feature", "dummy", "--enable", "yes"},
           {"status", "--raft-dir", "d"},
           {"dump-raft-log-wal"},
           {"lua", "script.lua"},
           {"lua", "--script"},
           {"bench-client-num-conn", "--num", "many"},
           {"member-list", "--admin-api-address", "h:1"},
           {"get", "status", "--key", "k"}}) {
    const auto message = Refused(arguments);
    EXPECT_EQ(2, message.exit_code) << testing::PrintToString(arguments);
    EXPECT_THAT(message.text, StartsWith("error: ")) << testing::PrintToString(arguments);
    EXPECT_THAT(message.text, HasSubstr("Usage:"));
  }
}

TEST(CommandLine, HelpNamesEveryLongOption) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"import", "--help"}, {"import", "-h"}, {"help", "import"}}) {
    const auto help = Refused(arguments);
    EXPECT_EQ(0, help.exit_code);
    for (const char* text : {"Usage:", "--raft-dir", "--db", "--initial-cluster", "--id", "--help"}) {
      EXPECT_THAT(help.text, HasSubstr(text));
    }
  }
  EXPECT_THAT(Refused({"status", "--help"}).text, HasSubstr("--grpc-api-address"));
}

TEST(CommandLine, NothingToDoPrintsTheTopLevelHelp) {
  const auto help = Refused({});
  EXPECT_EQ(0, help.exit_code);
  for (const char* text : {"Usage:", "status", "export", "import", "--raft-dir", "--export-chunk-size", "--version"}) {
    EXPECT_THAT(help.text, HasSubstr(text));
  }
}

TEST(CommandLine, VersionIsOneLine) {
  const auto version = Refused({"-V"});
  EXPECT_EQ(0, version.exit_code);
  EXPECT_THAT(version.text, testing::MatchesRegex("databend-metactl v[^\n]+\n"));
  EXPECT_EQ(version.text, Refused({"--version"}).text);
}

TEST(CommandLine, TheFlagOnlyFormStillExportsAndImports) {
  const auto backup =
      Parsed<ExportCommand>({"--export", "--grpc-api-address", "h:1", "--db", "f", "--export-chunk-size", "7"});
  EXPECT_EQ("h:1", backup.grpc_address);
  EXPECT_EQ("f", backup.db);
  EXPECT_EQ(7U, backup.chunk_size);
  EXPECT_EQ("d", Parsed<ExportCommand>({"--export", "--import", "--raft-dir", "d"}).raft_dir);
  const auto import = Parsed<ImportCommand>({"--import", "--raft-dir", "d", "--id", "4", "--initial-cluster", "4=h:1"});
  EXPECT_EQ("d", import.raft_dir);
  EXPECT_THAT(import.initial_cluster, ElementsAre("4=h:1"));
}

TEST(CommandLine, AGlobalAddressServesTheSubcommandButTheEnvironmentDoesNot) {
  EXPECT_EQ("0.0.0.0:9191", Parsed<StatusCommand>({"--grpc-api-address", "0.0.0.0:9191", "status"}).grpc_address);
  EXPECT_EQ("127.0.0.1:9191", Parsed<StatusCommand>({"status"}, "env:1").grpc_address);
  EXPECT_EQ("env:1", Parsed<ExportCommand>({"--export"}, "env:1").grpc_address);
}

}  // namespace
}  // namespace metasrv::ctl
