#include "io/real/grpc_pollers.h"

#include <grpc/support/cpu.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <future>
#include <memory>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace metasrv::io {
namespace {

// Runs functions on gRPC's threads: in the callbacks of calls that fail at once.
class Callbacks {
 public:
  Callbacks() : stub_(grpc::CreateChannel("nowhere", nullptr)) {}

  // Returns the thread it ran on, once it has.
  std::future<std::thread::id> Run(std::function<void()> function) {
    auto call = std::make_shared<Call>();
    call->function = std::move(function);
    const grpc::Slice nothing;
    call->request = grpc::ByteBuffer(&nothing, 1);
    auto done = call->done.get_future();
    calls_.push_back(call);
    Call& it = *call;
    stub_.UnaryCall(&it.context, "/nowhere", {}, &it.request, &it.response,
                    [call = std::move(call)](const grpc::Status&) mutable {
                      call->function();
                      auto result = std::move(call->done);
                      call.reset();
                      result.set_value(std::this_thread::get_id());
                    });
    return done;
  }

 private:
  struct Call {
    grpc::ClientContext context;
    grpc::ByteBuffer request;
    grpc::ByteBuffer response;
    std::function<void()> function;
    std::promise<std::thread::id> done;
  };
  grpc::GenericStub stub_;
  std::vector<std::shared_ptr<Call>>
      calls_;  // the last to know them: they know the channel, which joins gRPC's threads
};

void WaitUntilHeldBack(const GrpcPollers& pollers, std::size_t count) {
  while (pollers.idle() != count) std::this_thread::yield();
}

std::set<std::thread::id> ThreadsOf(Callbacks& callbacks, int calls) {
  std::set<std::thread::id> threads;
  for (int i = 0; i < calls; ++i) threads.insert(callbacks.Run([] {}).get());
  return threads;
}

std::size_t AllThreads() { return std::clamp<std::size_t>(gpr_cpu_num_cores() / 2, 2, 16); }

TEST(GrpcPollers, OneThreadRunsEveryCallbackWhenTheOthersAreHeldBack) {
  Callbacks callbacks;
  const GrpcPollers pollers(AllThreads() - 1);
  WaitUntilHeldBack(pollers, AllThreads() - 1);
  EXPECT_EQ(ThreadsOf(callbacks, 50).size(), 1U);
}

TEST(GrpcPollers, AThreadIsLetGoWhenTheOthersAreStuck) {
  Callbacks callbacks;
  const GrpcPollers pollers(AllThreads() - 1);
  WaitUntilHeldBack(pollers, AllThreads() - 1);
  std::promise<void> go_on;
  auto stuck = callbacks.Run([&] { go_on.get_future().wait(); });
  callbacks.Run([] {}).get();
  go_on.set_value();
  stuck.get();
}

TEST(GrpcPollers, NobodyIsHeldBackAnyMoreWhenItGoes) {
  Callbacks callbacks;
  for (int round = 0; round < 3; ++round) {
    const GrpcPollers pollers(AllThreads() - 1);
    if (round > 0) WaitUntilHeldBack(pollers, AllThreads() - 1);
  }
  // As many callbacks at the same time as there are threads.
  std::promise<void> go_on;
  const std::shared_future<void> allowed = go_on.get_future().share();
  std::vector<std::future<std::thread::id>> running;
  for (std::size_t i = 1; i < AllThreads(); ++i) running.push_back(callbacks.Run([allowed] { allowed.wait(); }));
  callbacks.Run([] {}).get();
  go_on.set_value();
  for (auto& one : running) one.get();
}

}  // namespace
}  // namespace metasrv::io
