#include "bench/meta_workload.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>

#include "auth.pb.h"
#include "backup/request_json.h"
#include "bench/semaphore.h"
#include "common/version.h"
#include "meta.grpc.pb.h"

namespace metasrv::bench {
namespace {

constexpr const char* kTransaction = "/meta.MetaService/Transaction";
constexpr const char* kRead = "/meta.MetaService/KvReadV1";
constexpr const char* kList = "/meta.MetaService/KvList";
constexpr std::uint64_t kKeysPerFill = 100;
constexpr std::uint32_t kReadsPerMillion = 900'000;  // of "mixed"

std::expected<Headers, std::string> LogIn(const std::shared_ptr<grpc::Channel>& channel, Duration timeout) {
  auto stub = meta::MetaService::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::microseconds(timeout.micros()));
  pb::BasicAuth auth;
  auth.set_username("root");
  auth.set_password("xxx");
  meta::HandshakeRequest request;
  request.set_protocol_version(kProtocolVersionDigits);
  request.set_payload(auth.SerializeAsString());
  auto stream = stub->Handshake(&context);
  stream->Write(request);
  stream->WritesDone();
  meta::HandshakeResponse response;
  static_cast<void>(stream->Read(&response));
  if (const grpc::Status status = stream->Finish(); !status.ok()) return std::unexpected(status.error_message());
  return Headers{{"auth-token-bin", response.payload()}};
}

void AddPut(std::string key, std::string value, meta::TxnRequest& request) {
  meta::TxnPutRequest& put = *request.add_if_then()->mutable_put();
  put.set_key(std::move(key));
  put.set_value(std::move(value));
}

void AddAlwaysTrue(const std::string& key, meta::TxnRequest& request) {
  meta::TxnCondition& condition = *request.add_condition();
  condition.set_key(key);
  condition.set_seq(0);
  condition.set_expected(meta::TxnCondition::GE);
}

Call ToCall(const meta::TxnRequest& request) { return {kTransaction, request.SerializeAsString(), false, 1}; }

// An operation is a function; the parameters are in its captures.
class MetaWorkload final : public Workload {
 public:
  using Maker = std::function<Call(std::uint64_t worker, std::uint64_t number, Prng& random)>;
  explicit MetaWorkload(Maker maker, Duration pause = {}, std::uint64_t operations = 0)
      : maker_(std::move(maker)), pause_(pause), operations_(operations) {}

  [[nodiscard]] Call Make(std::uint64_t worker, std::uint64_t number, Prng& random) const override {
    return maker_(worker, number, random);
  }
  [[nodiscard]] Duration pause() const override { return pause_; }
  [[nodiscard]] std::uint64_t operations() const override { return operations_; }

 private:
  Maker maker_;
  Duration pause_;
  std::uint64_t operations_;
};

// Workers share the semaphores evenly.
class SemaphoreWorkload final : public Workload {
 public:
  SemaphoreWorkload(std::string prefix, std::uint64_t count, SemaphoreOptions options)
      : prefix_(std::move(prefix)), count_(count), options_(std::move(options)) {}

  [[nodiscard]] bool is_composite() const override { return true; }
  [[nodiscard]] Call Make(std::uint64_t, std::uint64_t, Prng&) const override { return {}; }
  [[nodiscard]] std::expected<void, std::string> Perform(std::uint64_t worker, std::uint64_t number,
                                                         const CallTarget& target) const override {
    SemaphoreOptions options = options_;
    options.name = prefix_ + std::to_string(worker % count_);
    return UseSemaphore(options, std::to_string(worker) + "-" + std::to_string(number), target);
  }

 private:
  const std::string prefix_;
  const std::uint64_t count_;
  const SemaphoreOptions options_;
};

using Made = std::expected<std::unique_ptr<Workload>, std::string>;
using Json = nlohmann::json;

std::string WorkerPrefix(const WorkloadOptions& options, std::uint64_t worker) {
  return std::to_string(options.prefix) + "-" + std::to_string(worker);
}

std::string AnyKey(const WorkloadOptions& options, Prng& random) {
  return NumberedKey(options, random.Below(options.key_count));
}

Call Put(const WorkloadOptions& options, Prng& random) {
  meta::TxnRequest request;
  AddPut(AnyKey(options, random), RandomValue(options.value_size, random), request);
  return ToCall(request);
}

Call Get(const WorkloadOptions& options, Prng& random) {
  meta::RaftRequest request;
  request.set_data(backup::ReadRequestJson(backup::GetKv{AnyKey(options, random)}));
  return {kRead, request.SerializeAsString(), false, options.value_size};
}

Made MakeUpsertKv(const WorkloadOptions& options, const Json&) {
  return std::make_unique<MetaWorkload>([options](std::uint64_t worker, std::uint64_t number, Prng&) {
    const std::string key = WorkerPrefix(options, worker) + "-" + std::to_string(number);
    meta::TxnRequest request;
    AddAlwaysTrue(key, request);
    AddPut(key, key, request);
    return ToCall(request);
  });
}

Made MakeList(const WorkloadOptions& options, const Json& parameters) {
  std::optional<std::uint64_t> limit;
  if (parameters.contains("limit")) limit = parameters["limit"].get<std::uint64_t>();
  std::optional<std::string> prefix;
  if (parameters.contains("prefix")) prefix = parameters["prefix"].get<std::string>();
  const auto pause = Duration::Millis(parameters.value("interval_ms", std::int64_t{0}));
  return std::make_unique<MetaWorkload>(
      [options, limit, prefix](std::uint64_t worker, std::uint64_t, Prng&) {
        meta::KvListRequest request;
        request.set_prefix(prefix.value_or(WorkerPrefix(options, worker)));
        if (limit) request.set_limit(*limit);
        return Call{kList, request.SerializeAsString(), true};
      },
      pause);
}

Made MakeTableCopyFile(const WorkloadOptions& options, const Json& parameters) {
  const auto count = parameters.value("file_cnt", std::uint64_t{100});
  std::optional<std::uint64_t> ttl_ms;
  if (parameters.contains("ttl_ms")) ttl_ms = parameters["ttl_ms"].get<std::uint64_t>();
  return std::make_unique<MetaWorkload>(
      [options, count, ttl_ms](std::uint64_t worker, std::uint64_t number, Prng& random) {
        const std::string prefix = WorkerPrefix(options, worker) + "-" + std::to_string(number) + "-file-";
        meta::TxnRequest request;
        for (std::uint64_t i = 0; i < count; ++i) {
          AddPut(prefix + std::to_string(i), RandomValue(options.value_size, random), request);
          if (ttl_ms) request.mutable_if_then()->rbegin()->mutable_put()->set_ttl_ms(*ttl_ms);
        }
        return ToCall(request);
      });
}

Made MakeSemaphore(const WorkloadOptions& options, const Json& parameters) {
  SemaphoreOptions semaphore;
  semaphore.capacity = parameters.value("capacity", std::uint64_t{100});
  semaphore.time_based = parameters.value("time_based", false);
  semaphore.ttl = Duration::Millis(parameters.value("ttl_ms", std::int64_t{3000}));
  semaphore.hold = Duration::Millis(parameters.value("hold_ms", std::int64_t{100}));
  const auto count = parameters.value("semaphores", std::uint64_t{1});
  if (count == 0 || semaphore.capacity == 0 || semaphore.ttl < Duration::Millis(3)) {
    return std::unexpected("semaphores and capacity must be at least 1, ttl_ms at least 3");
  }
  return std::make_unique<SemaphoreWorkload>("sem-" + std::to_string(options.prefix) + "-", count, semaphore);
}

Made MakePut(const WorkloadOptions& options, const Json&) {
  return std::make_unique<MetaWorkload>(
      [options](std::uint64_t, std::uint64_t, Prng& random) { return Put(options, random); });
}

Made MakeGet(const WorkloadOptions& options, const Json&) {
  return std::make_unique<MetaWorkload>(
      [options](std::uint64_t, std::uint64_t, Prng& random) { return Get(options, random); });
}

Made MakeTxn(const WorkloadOptions& options, const Json&) {
  return std::make_unique<MetaWorkload>([options](std::uint64_t, std::uint64_t, Prng& random) {
    const std::string key = AnyKey(options, random);
    meta::TxnRequest request;
    AddAlwaysTrue(key, request);
    AddPut(key, RandomValue(options.value_size, random), request);
    request.add_else_then()->mutable_get()->set_key(key);
    return ToCall(request);
  });
}

Made MakeMixed(const WorkloadOptions& options, const Json&) {
  return std::make_unique<MetaWorkload>([options](std::uint64_t, std::uint64_t, Prng& random) {
    return random.Chance(kReadsPerMillion) ? Get(options, random) : Put(options, random);
  });
}

// Each worker writes its share of the keys in order.
Made MakeFill(const WorkloadOptions& options, const Json&) {
  const std::uint64_t calls = (options.key_count + kKeysPerFill - 1) / kKeysPerFill;
  const std::uint64_t per_worker = (calls + options.workers - 1) / options.workers;
  return std::make_unique<MetaWorkload>(
      [options, per_worker](std::uint64_t worker, std::uint64_t number, Prng& random) {
        const std::uint64_t first = ((worker - 1) * per_worker + number) * kKeysPerFill;
        meta::TxnRequest request;
        for (std::uint64_t i = first; i < first + kKeysPerFill; ++i) {
          AddPut(NumberedKey(options, i), RandomValue(options.value_size, random), request);
        }
        return ToCall(request);
      },
      Duration(), per_worker);
}

struct Operation {
  const char* name;
  Made (*make)(const WorkloadOptions&, const Json&);
};
constexpr Operation kOperations[] = {{"upsert_kv", MakeUpsertKv},
                                     {"list", MakeList},
                                     {"semaphore", MakeSemaphore},
                                     {"table_copy_file", MakeTableCopyFile},
                                     {"put", MakePut},
                                     {"get", MakeGet},
                                     {"txn", MakeTxn},
                                     {"mixed", MakeMixed},
                                     {"fill", MakeFill}};

Made MakeMeta(const WorkloadOptions& options) {
  const auto* found = std::ranges::find_if(kOperations, [&](const Operation& one) { return options.rpc == one.name; });
  if (found == std::end(kOperations)) {
    std::string names;
    for (const Operation& one : kOperations) names += std::string(names.empty() ? "" : ", ") + one.name;
    return std::unexpected("unknown rpc \"" + options.rpc + "\"; there are: " + names);
  }
  const Json parameters = options.parameters.empty() ? Json::object() : Json::parse(options.parameters, nullptr, false);
  if (!parameters.is_object()) return std::unexpected("the parameters of " + options.rpc + " are not a JSON object");
  try {
    return found->make(options, parameters);
  } catch (const Json::exception& error) {
    return std::unexpected("bad parameters of " + options.rpc + ": " + error.what());
  }
}

}  // namespace

Protocol MetaProtocol() { return {LogIn, MakeMeta}; }

}  // namespace metasrv::bench
