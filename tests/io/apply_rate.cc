// How fast committed writes are applied to RocksDB, and which share of that the state hash takes. Not a test:
//
//   cmake --build build/release --target apply_rate && build/release/tests/io/apply_rate
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "common/check.h"
#include "io/real/rocks_state_store.h"
#include "sm/layout.h"
#include "sm/machine.h"
#include "sm/state_hash.h"
#include "tests/support/pump_loop.h"
#include "tests/support/temp_dir.h"

namespace metasrv::test {
namespace {

constexpr std::uint64_t kEntries = 300'000;
constexpr std::uint64_t kKeys = 50'000;
constexpr std::uint64_t kBatch = 64;
constexpr std::size_t kValueBytes = 200;
constexpr std::uint64_t kTimeMs = 1'700'000'000'000;

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::string KeyAt(std::uint64_t i) { return "bench/key/" + std::to_string(i * 7919 % kKeys); }

std::string PayloadAt(std::uint64_t i, bool expires) {
  pb::Command command;
  command.set_time_ms(kTimeMs + i / 1000);
  auto* upsert = command.mutable_upsert_kv();
  upsert->set_key(KeyAt(i));
  upsert->mutable_seq()->mutable_any();
  upsert->mutable_value()->set_update(std::string(kValueBytes, static_cast<char>('a' + i % 26)));
  if (expires) upsert->mutable_value_meta()->set_ttl_ms(3'600'000);
  return command.SerializeAsString();
}

// What the hash costs on top: of each changed record the old and the new row, of each changed index row two look-ups.
double HashSeconds(const sm::Reader& store, bool expires) {
  std::uint64_t sum = 0;
  const std::string old_value(kValueBytes + 30, 'x');
  const auto start = Clock::now();
  for (std::uint64_t i = 0; i < kEntries; ++i) {
    const std::string row = sm::RecordRow(KeyAt(i));
    sum += sm::RowHash(row, old_value);
    sum -= sm::RowHash(row, old_value);
    if (!expires) continue;
    for (const std::uint64_t seq : {i, i + kKeys}) {
      const std::string index = sm::ExpireRow(kTimeMs, seq);
      if (const auto found = store.Get(index)) sum += sm::RowHash(index, *found);
      sum += sm::RowHash(index, row);
    }
  }
  const double seconds = SecondsSince(start);
  if (sum == 1) std::puts("");  // keeps the loop
  return seconds;
}

void Measure(bool expires) {
  const TempDir dir;
  PumpLoop loop;
  auto store = io::RocksStateStore::Open({.directory = dir / "state"}, loop);
  CHECK(store.has_value());
  sm::Machine machine(**store);
  std::vector<std::string> payloads;
  for (std::uint64_t i = 0; i < kEntries; ++i) payloads.push_back(PayloadAt(i, expires));
  const auto start = Clock::now();
  for (std::uint64_t begin = 0; begin < kEntries; begin += kBatch) {
    std::vector<sm::LogEntry> entries;
    for (std::uint64_t i = begin; i < std::min(begin + kBatch, kEntries); ++i) {
      entries.push_back({{Term(1), NodeId(1), LogIndex(i)}, payloads[i], nullptr});
    }
    CHECK(machine.Apply(entries).has_value());
  }
  const double apply = SecondsSince(start);
  const double hash = HashSeconds(**store, expires);
  std::printf("%s: %.0f entries/s; state hash %.1f %% of the time\n", expires ? "expiring records" : "records",
              kEntries / apply, 100 * hash / apply);
}

}  // namespace
}  // namespace metasrv::test

int main() {
  metasrv::test::Measure(false);
  metasrv::test::Measure(true);
}
