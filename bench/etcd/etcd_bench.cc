// The load generator of src/bench, speaking etcd's client API: put, get, txn, mixed and fill as databend-metabench has
// them.
#include <functional>
#include <iostream>
#include <utility>

#include "bench/run.h"
#include "etcd.pb.h"

namespace {

using metasrv::Duration;
using metasrv::Prng;
using metasrv::bench::Call;
using metasrv::bench::Headers;
using metasrv::bench::NumberedKey;
using metasrv::bench::RandomValue;
using metasrv::bench::Workload;
using metasrv::bench::WorkloadOptions;

constexpr std::uint64_t kKeysPerFill = 100;
constexpr std::uint32_t kReadsPerMillion = 900'000;  // of "mixed"

std::string AnyKey(const WorkloadOptions& options, Prng& random) {
  return NumberedKey(options, random.Below(options.key_count));
}

Call Put(const WorkloadOptions& options, Prng& random) {
  etcdserverpb::PutRequest request;
  request.set_key(AnyKey(options, random));
  request.set_value(RandomValue(options.value_size, random));
  return {"/etcdserverpb.KV/Put", request.SerializeAsString(), false, 1};
}

// Linearizable, as it is unless `serializable` is asked for.
Call Get(const WorkloadOptions& options, Prng& random) {
  etcdserverpb::RangeRequest request;
  request.set_key(AnyKey(options, random));
  return {"/etcdserverpb.KV/Range", request.SerializeAsString(), false, options.value_size};
}

Call Txn(const WorkloadOptions& options, Prng& random) {
  const std::string key = AnyKey(options, random);
  etcdserverpb::TxnRequest request;
  etcdserverpb::Compare& compare = *request.add_compare();
  compare.set_key(key);
  compare.set_target(etcdserverpb::Compare::VERSION);
  compare.set_result(etcdserverpb::Compare::GREATER);
  compare.set_version(-1);
  etcdserverpb::PutRequest& put = *request.add_success()->mutable_request_put();
  put.set_key(key);
  put.set_value(RandomValue(options.value_size, random));
  request.add_failure()->mutable_request_range()->set_key(key);
  return {"/etcdserverpb.KV/Txn", request.SerializeAsString(), false, 1};
}

Call Fill(const WorkloadOptions& options, std::uint64_t first, Prng& random) {
  etcdserverpb::TxnRequest request;
  for (std::uint64_t i = first; i < first + kKeysPerFill; ++i) {
    etcdserverpb::PutRequest& put = *request.add_success()->mutable_request_put();
    put.set_key(NumberedKey(options, i));
    put.set_value(RandomValue(options.value_size, random));
  }
  return {"/etcdserverpb.KV/Txn", request.SerializeAsString(), false, 1};
}

class EtcdWorkload final : public Workload {
 public:
  using Maker = std::function<Call(std::uint64_t worker, std::uint64_t number, Prng& random)>;
  explicit EtcdWorkload(Maker maker, std::uint64_t operations = 0)
      : maker_(std::move(maker)), operations_(operations) {}

  [[nodiscard]] Call Make(std::uint64_t worker, std::uint64_t number, Prng& random) const override {
    return maker_(worker, number, random);
  }
  [[nodiscard]] std::uint64_t operations() const override { return operations_; }

 private:
  Maker maker_;
  std::uint64_t operations_;
};

std::expected<std::unique_ptr<Workload>, std::string> MakeEtcd(const WorkloadOptions& options) {
  const auto simple = [&options](Call (*make)(const WorkloadOptions&, Prng&)) {
    return std::make_unique<EtcdWorkload>(
        [options, make](std::uint64_t, std::uint64_t, Prng& random) { return make(options, random); });
  };
  if (options.rpc == "put") return simple(Put);
  if (options.rpc == "get") return simple(Get);
  if (options.rpc == "txn") return simple(Txn);
  if (options.rpc == "mixed") {
    return simple([](const WorkloadOptions& sizes, Prng& random) {
      return random.Chance(kReadsPerMillion) ? Get(sizes, random) : Put(sizes, random);
    });
  }
  if (options.rpc != "fill") return std::unexpected("unknown rpc \"" + options.rpc + "\"");
  const std::uint64_t calls = (options.key_count + kKeysPerFill - 1) / kKeysPerFill;
  const std::uint64_t per_worker = (calls + options.workers - 1) / options.workers;
  return std::make_unique<EtcdWorkload>(
      [options, per_worker](std::uint64_t worker, std::uint64_t number, Prng& random) {
        return Fill(options, ((worker - 1) * per_worker + number) * kKeysPerFill, random);
      },
      per_worker);
}

std::expected<Headers, std::string> NoLogIn(const std::shared_ptr<grpc::Channel>&, Duration) { return Headers{}; }

}  // namespace

int main(int argc, char** argv) {
  return metasrv::bench::Run("etcd-bench", std::vector<std::string>(argv + 1, argv + argc), std::nullopt,
                             {NoLogIn, MakeEtcd}, std::cout, std::cerr);
}
