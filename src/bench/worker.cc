#include "bench/worker.h"

#include <thread>

namespace metasrv::bench {
namespace {

// So that a server that is down is not asked a hundred thousand times per second.
constexpr Duration kPauseAfterError = Duration::Millis(10);
constexpr std::uint64_t kReportEvery = 100;

std::chrono::system_clock::time_point In(Duration delay) {
  return std::chrono::system_clock::now() + std::chrono::microseconds(delay.micros());
}

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

}  // namespace

void NoteOperation(LoadThread& thread, std::uint64_t number, SteadyTime started, bool measured,
                   const std::expected<std::string, std::string>& result) {
  const auto took = std::chrono::steady_clock::now() - started;
  if (measured) {
    ++(result ? thread.succeeded : thread.failed);
    thread.latency.Record(static_cast<std::uint64_t>(std::chrono::nanoseconds(took).count()));
  }
  if (!result && thread.first_error.empty()) thread.first_error = result.error();
  if (thread.on_result && number % kReportEvery == 0) {
    thread.on_result(number, result ? "Ok(" + *result + ")" : "Err(" + result.error() + ")");
  }
}

void RunComposite(LoadThread& thread, const Connection& connection, std::uint64_t index, std::uint64_t operations) {
  const CallTarget target{connection.channel, connection.headers, thread.timeout};
  for (std::uint64_t number = 0; number < operations && !thread.over.load(std::memory_order_relaxed); ++number) {
    const bool measured = thread.measuring.load(std::memory_order_relaxed);
    const auto started = std::chrono::steady_clock::now();
    const auto done = thread.workload.Perform(index, number, target);
    std::expected<std::string, std::string> result = "done";
    if (!done) result = std::unexpected(done.error());
    NoteOperation(thread, number, started, measured, result);
    if (!done) std::this_thread::sleep_for(std::chrono::microseconds(kPauseAfterError.micros()));
  }
}

Worker::Worker(LoadThread& thread, Connection& connection, std::uint64_t index, std::uint64_t operations)
    : thread_(thread),
      connection_(connection),
      index_(index),
      operations_(operations),
      random_(Prng(index).Fork("worker")) {}

void Worker::Start() {
  ++thread_.workers_left;
  Next();
}

void Worker::Next() {
  if (number_ >= operations_ || thread_.over.load(std::memory_order_relaxed)) {
    --thread_.workers_left;
    return;
  }
  const Call call = thread_.workload.Make(index_, number_, random_);
  reply_bytes_min_ = call.reply_bytes_min;
  reply_bytes_ = 0;
  context_.emplace();
  context_->set_deadline(In(thread_.timeout));
  for (const auto& [name, value] : connection_.headers) context_->AddMetadata(name, value);
  measured_ = thread_.measuring.load(std::memory_order_relaxed);
  started_ = std::chrono::steady_clock::now();
  if (call.is_stream) {
    SendStream(call);
  } else {
    SendUnary(call);
  }
}

void Worker::SendUnary(const Call& call) {
  step_ = Step::kUnary;
  unary_ = connection_.stub.PrepareUnaryCall(&*context_, call.method, ToBuffer(call.request), &thread_.queue);
  unary_->StartCall();
  unary_->Finish(&reply_, &status_, this);
}

// Two events less than asking for each step alone: the request leaves together with the headers.
void Worker::SendStream(const Call& call) {
  step_ = Step::kRequestSent;
  stream_ = connection_.stub.PrepareCall(&*context_, call.method, &thread_.queue);
  context_->set_initial_metadata_corked(true);
  stream_->StartCall(this);
  stream_->WriteLast(ToBuffer(call.request), grpc::WriteOptions(), this);
}

void Worker::OnEvent(bool ok) {
  switch (step_) {
    case Step::kUnary: return OnCallDone();
    case Step::kRequestSent: step_ = Step::kReading; return stream_->Read(&reply_, this);
    case Step::kReading: return OnReadDone(ok);
    case Step::kEnding: return OnCallDone();
    case Step::kPause: return Next();
  }
}

void Worker::OnReadDone(bool ok) {
  if (ok) {
    reply_bytes_ += reply_.Length();
    reply_.Clear();
    return stream_->Read(&reply_, this);
  }
  step_ = Step::kEnding;
  stream_->Finish(&status_, this);
}

void Worker::OnCallDone() {
  Judge();
  ++number_;
  const Duration pause = status_.ok() ? thread_.workload.pause() : kPauseAfterError;
  if (pause == Duration()) return Next();
  step_ = Step::kPause;
  alarm_.emplace();
  alarm_->Set(&thread_.queue, In(pause), this);
}

void Worker::Judge() {
  if (unary_ != nullptr) reply_bytes_ += reply_.Length();
  reply_.Clear();
  unary_.reset();
  stream_.reset();
  if (status_.ok() && reply_bytes_ < reply_bytes_min_) {
    status_ = grpc::Status(grpc::StatusCode::DATA_LOSS, "a reply of " + std::to_string(reply_bytes_) +
                                                            " bytes, expected " + std::to_string(reply_bytes_min_));
  }
  std::expected<std::string, std::string> result = std::to_string(reply_bytes_) + " bytes";
  if (!status_.ok()) result = std::unexpected(std::to_string(status_.error_code()) + ": " + status_.error_message());
  NoteOperation(thread_, number_, started_, measured_, result);
}

}  // namespace metasrv::bench
