#include "bench/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace metasrv::bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

CommandLine Parsed(std::vector<std::string> arguments, std::optional<std::string> environment = std::nullopt) {
  const auto line = ParseCommandLine("databend-metabench", std::move(arguments), environment);
  EXPECT_TRUE(line.has_value()) << (line ? "" : line.error().text);
  return line.value_or(CommandLine());
}

TEST(BenchCommandLine, TheDefaultsAreThoseOfTheSpecification) {
  const CommandLine line = Parsed({});
  EXPECT_EQ(0U, line.prefix);
  EXPECT_EQ(10U, line.client);
  EXPECT_EQ(1U, line.client_pool_size);
  EXPECT_EQ(10000U, line.number);
  EXPECT_EQ(0U, line.run_secs);
  EXPECT_EQ("", line.grpc_api_address);
  EXPECT_EQ("upsert_kv", line.rpc);
  EXPECT_EQ("warn,databend=info", line.log_level);
}

TEST(BenchCommandLine, ThePoolHasAtLeastOneAndAtMostOneConnectionPerClient) {
  EXPECT_EQ(4U, Parsed({"--client", "4", "--client-pool-size", "9"}).client_pool_size);
  EXPECT_EQ(1U, Parsed({"--client", "4", "--client-pool-size", "0"}).client_pool_size);
  EXPECT_EQ(2U, Parsed({"--client", "4", "--client-pool-size", "2", "--threads", "8"}).threads);
}

TEST(BenchCommandLine, TheEnvironmentGivesTheAddressUnlessAFlagDoes) {
  EXPECT_EQ("h:1", Parsed({}, "h:1").grpc_api_address);
  EXPECT_EQ("h:2", Parsed({"--grpc-api-address", "h:2"}, "h:1").grpc_api_address);
}

TEST(BenchCommandLine, ProcessesAreRepeatable) {
  EXPECT_THAT(Parsed({"--pid", "7", "--pid", "8"}).pids, ElementsAre(7, 8));
}

TEST(BenchCommandLine, WrongUsageIsToldWithTheUsage) {
  for (const auto& arguments : {std::vector<std::string>{"--client", "0"}, {"--client", "-1"}, {"--unknown"}}) {
    const auto line = ParseCommandLine("databend-metabench", arguments, std::nullopt);
    ASSERT_FALSE(line.has_value());
    EXPECT_EQ(2, line.error().exit_code);
    EXPECT_THAT(line.error().text, HasSubstr("--client-pool-size"));
  }
}

}  // namespace
}  // namespace metasrv::bench
