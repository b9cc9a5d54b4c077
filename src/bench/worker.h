#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "bench/histogram.h"
#include "bench/workload.h"

namespace metasrv::bench {

using SteadyTime = std::chrono::steady_clock::time_point;

// What the workers of one thread share; only that thread touches it, but for the flags.
struct LoadThread {
  explicit LoadThread(const Workload& the_workload, const std::atomic<bool>& is_measuring,
                      const std::atomic<bool>& is_over)
      : workload(the_workload), measuring(is_measuring), over(is_over) {}

  grpc::CompletionQueue queue;
  const Workload& workload;
  const std::atomic<bool>& measuring;
  const std::atomic<bool>& over;  // no more operations are started
  Duration timeout;
  std::function<void(std::uint64_t number, const std::string& result)> on_result;

  std::uint64_t workers_left = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  Histogram latency;
  std::string first_error;
};

// A way to one server.
struct Connection {
  explicit Connection(const std::shared_ptr<grpc::Channel>& to) : channel(to), stub(to) {}
  std::shared_ptr<grpc::Channel> channel;
  grpc::GenericStub stub;
  Headers headers;
};

// What became of an operation goes into the figures of its thread.
void NoteOperation(LoadThread& thread, std::uint64_t number, SteadyTime started, bool measured,
                   const std::expected<std::string, std::string>& result);

// One closed loop of composite operations, on the calling thread, to its end.
void RunComposite(LoadThread& thread, const Connection& connection, std::uint64_t index, std::uint64_t operations);

// One closed loop. Requests are bytes and replies stay bytes, so that the client costs little; a call whose reply is
// one message is a unary call whatever its declaration says, because both look the same on the wire.
class Worker {
 public:
  // All references must outlive the worker. `index` counts from 1.
  Worker(LoadThread& thread, Connection& connection, std::uint64_t index, std::uint64_t operations);

  // Sends the first call, or leaves when there is nothing to do.
  void Start();
  // Something this worker asked of its queue has happened.
  void OnEvent(bool ok);

 private:
  enum class Step : std::uint8_t { kUnary, kRequestSent, kReading, kEnding, kPause };

  void Next();
  void SendUnary(const Call& call);
  void SendStream(const Call& call);
  void OnReadDone(bool ok);
  void OnCallDone();
  void Judge();

  LoadThread& thread_;
  Connection& connection_;
  const std::uint64_t index_;
  const std::uint64_t operations_;
  Prng random_;
  std::uint64_t number_ = 0;

  Step step_ = Step::kUnary;
  SteadyTime started_;
  bool measured_ = false;  // the measured time had begun when the call was sent
  std::size_t reply_bytes_ = 0;
  std::size_t reply_bytes_min_ = 0;
  std::optional<grpc::ClientContext> context_;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> unary_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
  grpc::ByteBuffer reply_;
  grpc::Status status_;
  std::optional<grpc::Alarm> alarm_;
};

}  // namespace metasrv::bench
