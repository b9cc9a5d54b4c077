// Watch over a real connection on the loopback interface, with a real node behind it: what the streams look like to a
// client (grpc-api.md §1.3, §7).
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <thread>

#include "meta.grpc.pb.h"
#include "server/client_api.h"
#include "tests/server/test_node.h"

namespace metasrv::server {
namespace {

using Stream = std::unique_ptr<grpc::ClientReader<meta::WatchResponse>>;

struct Watching {
  std::unique_ptr<grpc::ClientContext> context = std::make_unique<grpc::ClientContext>();
  Stream stream;

  meta::WatchResponse Next() const {
    meta::WatchResponse response;
    EXPECT_TRUE(stream->Read(&response));
    return response;
  }
  grpc::Status Finish() const {
    for (meta::WatchResponse ignored; stream->Read(&ignored);) {
    }
    return stream->Finish();
  }
};

class WatchTest : public testing::Test {
 protected:
  void SetUp() override { Serve({}, {}); }
  void TearDown() override { Shutdown(); }

  void Serve(const node::WatchLimits& limits, const ClientLimits& client_limits) {
    Shutdown();
    node_ = std::make_unique<TestNode>(TestNode::Kind::kSingle, limits);
    api_ = std::make_unique<ClientApi>(node_->services(), client_limits);
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    api_->Register(builder);
    server_ = builder.BuildAndStart();
    channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(port), grpc::InsecureChannelCredentials());
    stub_ = meta::MetaService::NewStub(channel_);
  }
  void Shutdown() {
    if (!server_) return;
    node_->handle().Run([](node::Node& node) { node.StopWatches(); });
    server_->Shutdown();
    server_.reset();
    api_.reset();
    node_.reset();
  }

  static meta::WatchRequest Request(const std::string& key, const std::optional<std::string>& key_end = {},
                                    bool flush = false) {
    meta::WatchRequest request;
    request.set_key(key);
    if (key_end) request.set_key_end(*key_end);
    request.set_initial_flush(flush);
    return request;
  }
  Watching Open(const meta::WatchRequest& request) {
    Watching watching;
    watching.stream = stub_->Watch(watching.context.get(), request);
    return watching;
  }
  // Opens a watch that is registered when this returns.
  Watching OpenAndWait(const meta::WatchRequest& request) {
    Watching watching = Open(request);
    watching.stream->WaitForInitialMetadata();
    return watching;
  }

  void Put(const std::string& key, const std::string& value) {
    pb::Command command;
    auto& put = *command.mutable_transaction()->add_if_then()->mutable_put();
    put.set_key(key);
    put.set_value(value);
    std::promise<node::WriteStatus> answered;
    node_->handle().Write(std::move(command),
                          [&answered](const node::WriteResult& result) { answered.set_value(result.status); });
    EXPECT_EQ(answered.get_future().get(), node::WriteStatus::kApplied);
  }
  [[nodiscard]] node::WatchFigures Figures() { return node_->handle().WaitForStatus()->watches; }
  void WaitUntil(const std::function<bool()>& holds) {
    while (!holds()) std::this_thread::yield();
  }

  std::unique_ptr<TestNode> node_;
  std::unique_ptr<ClientApi> api_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<meta::MetaService::Stub> stub_;
};

TEST_F(WatchTest, HeadersArriveBeforeAnyMessageAndAfterThemNothingIsMissed) {
  for (int i = 0; i < 50; ++i) {
    const auto watching = OpenAndWait(Request("k"));
    const std::string value = std::to_string(i);
    Put("k", value);
    EXPECT_EQ(watching.Next().event().current().data(), value);
    watching.context->TryCancel();
  }
}

TEST_F(WatchTest, FlushMarkerAndChangesComeInThisOrder) {
  Put("d/a", "1");
  Put("d/b", "2");
  const auto watching = OpenAndWait(Request("d/", "d0", true));
  Put("d/a", "3");
  const auto first = watching.Next();
  EXPECT_TRUE(first.is_initialization());
  EXPECT_EQ(first.event().key(), "d/a");
  EXPECT_EQ(first.event().current().data(), "1");
  EXPECT_TRUE(first.event().current().meta().has_proposed_at_ms());
  EXPECT_EQ(watching.Next().event().key(), "d/b");
  const auto marker = watching.Next();
  EXPECT_FALSE(marker.has_event());
  EXPECT_FALSE(marker.is_initialization());
  const auto change = watching.Next();
  EXPECT_FALSE(change.is_initialization());
  EXPECT_EQ(change.event().prev().data(), "1");
  EXPECT_EQ(change.event().current().data(), "3");
  watching.context->TryCancel();
}

TEST_F(WatchTest, AnEmptyRangeIsRefusedWithoutHeaders) {
  const auto equal = Open(Request("a", "a"));
  const auto status = equal.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "empty range");
  EXPECT_TRUE(equal.context->GetServerInitialMetadata().empty());
  EXPECT_EQ(Open(Request("a", "")).Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(WatchTest, LargeValuesArriveWhole) {
  const auto watching = OpenAndWait(Request("k"));
  const std::string value(3'000'000, 'x');
  Put("k", value);
  EXPECT_EQ(watching.Next().event().current().data(), value);
  watching.context->TryCancel();
}

TEST_F(WatchTest, AClientThatLeavesIsForgotten) {
  const auto watching = OpenAndWait(Request("k"));
  EXPECT_EQ(Figures().open, 1U);
  watching.context->TryCancel();
  EXPECT_EQ(watching.Finish().error_code(), grpc::StatusCode::CANCELLED);
  WaitUntil([&] { return Figures().open == 0; });
}

TEST_F(WatchTest, AStoppingNodeEndsStreamsAndSaysSo) {
  const auto watching = OpenAndWait(Request("k"));
  node_->handle().Run([](node::Node& node) { node.StopWatches(); });
  for (const auto& status : {watching.Finish(), Open(Request("k")).Finish()}) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_TRUE(status.error_message().starts_with("MetaNodeStopped")) << status.error_message();
  }
}

TEST_F(WatchTest, AStalledClientDelaysNobodyAndIsEndedWhenItsBufferIsFull) {
  node::WatchLimits limits;
  limits.buffer_bytes = std::size_t{1} << 20;
  Serve(limits, {});
  const auto stalled = OpenAndWait(Request("k"));
  const auto quick = OpenAndWait(Request("k"));
  const std::string value(100'000, 'x');
  int told = 0;
  while (Figures().ended_too_slow == 0) {
    Put("k", value);
    EXPECT_EQ(quick.Next().event().current().data().size(), value.size());
    ASSERT_LT(++told, 1000);
  }
  // What it was sent before is a prefix without gaps.
  std::uint64_t seq = 0;
  for (meta::WatchResponse response; stalled.stream->Read(&response);) {
    EXPECT_EQ(response.event().current().seq(), ++seq);
  }
  const auto status = stalled.stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(status.error_message().contains("fell behind")) << status.error_message();
  EXPECT_LT(seq, static_cast<std::uint64_t>(told));
  Put("k", "end");
  EXPECT_EQ(quick.Next().event().current().data(), "end");
  quick.context->TryCancel();
}

TEST_F(WatchTest, ChangesThatWaitForTheFirstStateMayBeMoreThanABufferHolds) {
  node::WatchLimits limits;
  limits.buffer_bytes = std::size_t{1} << 20;
  Serve(limits, {});
  const std::string value(100'000, 'x');
  constexpr int kRecords = 300;  // far more than the connection takes in before it is read from
  for (int i = 0; i < kRecords; ++i) Put("first/" + std::to_string(i), value);
  const auto late = OpenAndWait(Request("a", "z", true));
  for (int i = 0; i < 30; ++i) Put("k", value);
  EXPECT_EQ(Figures().ended_too_slow, 0U);
  for (int i = 0; i < kRecords; ++i) EXPECT_TRUE(late.Next().is_initialization());
  EXPECT_FALSE(late.Next().has_event());
  for (int i = 0; i < 30; ++i) EXPECT_EQ(late.Next().event().key(), "k");
  late.context->TryCancel();
}

TEST_F(WatchTest, AConnectionMayHaveSoManyWatchesOnly) {
  Serve({}, {.watches_per_connection_max = 2});
  const auto first = OpenAndWait(Request("k"));
  const auto second = OpenAndWait(Request("k"));
  const auto status = Open(Request("k")).Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(status.error_message().contains("watch.streams_per_connection_max")) << status.error_message();
  first.context->TryCancel();
  EXPECT_EQ(first.Finish().error_code(), grpc::StatusCode::CANCELLED);
  WaitUntil([&] {
    const auto again = Open(Request("k", {}, true));
    meta::WatchResponse response;
    const bool served = again.stream->Read(&response);
    again.context->TryCancel();
    return served;
  });
  second.context->TryCancel();
}

TEST_F(WatchTest, ANodeMayHaveSoManyWatchesOnly) {
  node::WatchLimits limits;
  limits.watches_max = 1;
  Serve(limits, {});
  const auto first = OpenAndWait(Request("k"));
  const auto status = Open(Request("k")).Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(status.error_message().contains("watch.streams_max")) << status.error_message();
  first.context->TryCancel();
}

TEST_F(WatchTest, WatchesAreCounted) {
  Put("k", "1");
  const auto watching = OpenAndWait(Request("k", {}, true));
  Put("k", "2");
  for (int i = 0; i < 3; ++i) (void)watching.Next();
  const std::string page =
      node_->metrics().Render({*node_->handle().WaitForStatus(), {}, {}}, TraceMetrics(std::make_unique<NullTrace>()));
  EXPECT_TRUE(page.contains("metasrv_server_watchers 1")) << page;
  EXPECT_TRUE(page.contains("metasrv_meta_network_watch_initialization_total 1")) << page;
  EXPECT_TRUE(page.contains("metasrv_meta_network_watch_change_total 1")) << page;
  watching.context->TryCancel();
}

}  // namespace
}  // namespace metasrv::server
