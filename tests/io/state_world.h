#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "io/error.h"
#include "sm/store.h"

// What the contract tests of sm::Store need: a disk with faults, and short forms.
namespace metasrv::test {

// One disk, and the process that may be using it.
class StateWorld {
 public:
  virtual ~StateWorld() = default;

  // Starts a process on the disk. Requires: none is running.
  [[nodiscard]] virtual std::expected<void, io::Error> Open() = 0;
  // Of the running process.
  [[nodiscard]] virtual sm::Store& store() = 0;
  // Ends the process in good order.
  virtual void Close() = 0;
  // Cuts the power: what was not durable may be gone. Requires: snapshots, iterators and installers are gone.
  virtual void Crash() = 0;
  // Runs the process's event loop until `done()` holds.
  virtual void RunUntil(const std::function<bool()>& done) = 0;
  virtual void FailNextSync() = 0;
};

using MakeStateWorld = std::unique_ptr<StateWorld> (*)(std::uint64_t seed);

// RocksStateStore on a file system that loses what was not synced.
[[nodiscard]] std::unique_ptr<StateWorld> MakeRocksStateWorld(std::uint64_t seed);
// SimStateStore on a simulated disk.
[[nodiscard]] std::unique_ptr<StateWorld> MakeSimStateWorld(std::uint64_t seed);

// Rows of a reader in the order in which it gives them: "a=1 b=2".
inline std::string Show(const sm::Reader& reader, std::string_view lower = "", std::string_view upper = "") {
  std::string text;
  for (auto rows = reader.Scan(lower, upper); rows->Valid(); rows->Next()) {
    if (!text.empty()) text += ' ';
    text += std::string(rows->key()) + "=" + std::string(rows->value());
  }
  return text;
}

// The same of a plain map.
inline std::string Show(const std::map<std::string, std::string>& rows) {
  std::string text;
  for (const auto& [key, value] : rows) text += (text.empty() ? "" : " ") + key + "=" + value;
  return text;
}

inline sm::WriteBatch Putting(std::string key, std::string value) {
  sm::WriteBatch batch;
  batch.Put(std::move(key), std::move(value));
  return batch;
}

inline void ApplyTo(std::map<std::string, std::string>& rows, const sm::WriteBatch& batch) {
  for (const auto& [key, value] : batch.changes) {
    if (value) {
      rows[key] = *value;
    } else {
      rows.erase(key);
    }
  }
}

}  // namespace metasrv::test
