#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "bench/meta_workload.h"
#include "meta.pb.h"

namespace metasrv::bench {
namespace {

using testing::HasSubstr;

std::unique_ptr<Workload> Made(const WorkloadOptions& options) {
  auto workload = MetaProtocol().make(options);
  EXPECT_TRUE(workload.has_value()) << (workload ? "" : workload.error());
  return workload ? std::move(*workload) : nullptr;
}

meta::TxnRequest Transaction(const Call& call) {
  meta::TxnRequest request;
  EXPECT_STREQ("/meta.MetaService/Transaction", call.method);
  EXPECT_TRUE(request.ParseFromString(call.request));
  return request;
}

TEST(MetaWorkload, UpsertKvWritesTheKeyAsItsOwnValue) {
  Prng random(1);
  const auto request = Transaction(Made({.rpc = "upsert_kv", .prefix = 5})->Make(3, 7, random));
  ASSERT_EQ(1, request.if_then_size());
  EXPECT_EQ("5-3-7", request.if_then(0).put().key());
  EXPECT_EQ("5-3-7", request.if_then(0).put().value());
}

TEST(MetaWorkload, ListTakesItsParametersFromJson) {
  Prng random(1);
  const auto list = Made({.rpc = "list", .parameters = R"({"limit":9,"prefix":"p/","interval_ms":20})"});
  const Call call = list->Make(1, 0, random);
  meta::KvListRequest request;
  ASSERT_TRUE(request.ParseFromString(call.request));
  EXPECT_TRUE(call.is_stream);
  EXPECT_EQ("p/", request.prefix());
  EXPECT_EQ(9U, request.limit());
  EXPECT_EQ(Duration::Millis(20), list->pause());
}

TEST(MetaWorkload, TableCopyFileIsOneTransactionOfAsManyPutsAsAskedFor) {
  Prng random(1);
  const auto workload = Made({.rpc = "table_copy_file", .parameters = R"({"file_cnt":3,"ttl_ms":50})"});
  const auto request = Transaction(workload->Make(1, 0, random));
  ASSERT_EQ(3, request.if_then_size());
  EXPECT_EQ(50U, request.if_then(2).put().ttl_ms());
}

TEST(MetaWorkload, FillWritesEveryKeyThatTheOthersUse) {
  const WorkloadOptions options{.rpc = "fill", .key_count = 1234, .key_size = 20, .value_size = 8, .workers = 3};
  const auto fill = Made(options);
  std::set<std::string> keys;
  Prng random(1);
  for (std::uint64_t worker = 1; worker <= 3; ++worker) {
    for (std::uint64_t number = 0; number < fill->operations(); ++number) {
      const meta::TxnRequest request = Transaction(fill->Make(worker, number, random));
      for (const auto& operation : request.if_then()) {
        EXPECT_EQ(20U, operation.put().key().size());
        EXPECT_EQ(8U, operation.put().value().size());
        keys.insert(operation.put().key());
      }
    }
  }
  for (std::uint64_t number = 0; number < options.key_count; ++number) {
    EXPECT_TRUE(keys.contains(NumberedKey(options, number))) << number;
  }
}

TEST(MetaWorkload, ASemaphoreIsAnOperationOfSeveralCallsAndNeedsRoomForSomebody) {
  EXPECT_TRUE(Made({.rpc = "semaphore", .parameters = R"({"capacity":2,"time_based":true})"})->is_composite());
  EXPECT_FALSE(Made({.rpc = "put"})->is_composite());
  for (const char* parameters : {R"({"capacity":0})", R"({"semaphores":0})", R"({"ttl_ms":1})"}) {
    EXPECT_THAT(MetaProtocol().make({.rpc = "semaphore", .parameters = parameters}).error(), HasSubstr("at least 1"));
  }
}

TEST(MetaWorkload, UnknownNamesAndBadParametersAreRefused) {
  EXPECT_THAT(MetaProtocol().make({.rpc = "nonsense"}).error(), HasSubstr("upsert_kv"));
  EXPECT_THAT(MetaProtocol().make({.rpc = "list", .parameters = "{"}).error(), HasSubstr("list"));
  EXPECT_THAT(MetaProtocol().make({.rpc = "list", .parameters = R"({"limit":"x"})"}).error(), HasSubstr("of list"));
}

}  // namespace
}  // namespace metasrv::bench
