#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/ids.h"
#include "sm/store.h"

namespace metasrv::sim {

// A hash of all rows that does not depend on their order and follows each change in constant time.
class RowSum {
 public:
  void Add(std::string_view key, std::string_view value);
  void Remove(std::string_view key, std::string_view value);
  [[nodiscard]] std::uint64_t value() const { return sum_; }

 private:
  std::uint64_t sum_ = 0;
};

// Of all rows but the one that is the node's own.
[[nodiscard]] std::uint64_t SumOfRows(const sm::Reader& state);

// Passes everything on to the real store of a state machine and tells what the store stands for after each change.
class ObservedStateStore : public sm::Store {
 public:
  // The store now stands for the entries up to `last` and its rows have this sum. `installed`: by a snapshot, durably.
  using Listener = std::function<void(LogId last, std::uint64_t row_sum, bool installed)>;

  // `inner` must outlive this. Reads every row once.
  ObservedStateStore(sm::Store& inner, Listener listener);

  [[nodiscard]] std::uint64_t row_sum() const { return sum_.value(); }
  // The last applied entry, as the rows say.
  [[nodiscard]] std::optional<LogId> last_applied() const { return last_applied_; }

  [[nodiscard]] std::optional<std::string> Get(std::string_view key) const override { return inner_.Get(key); }
  [[nodiscard]] std::unique_ptr<sm::Iterator> Scan(std::string_view lower, std::string_view upper) const override {
    return inner_.Scan(lower, upper);
  }
  [[nodiscard]] bool Write(sm::WriteBatch batch) override;
  void Flush(std::move_only_function<void(bool ok)> done) override { inner_.Flush(std::move(done)); }
  [[nodiscard]] std::shared_ptr<const sm::Snapshot> NewSnapshot() const override { return inner_.NewSnapshot(); }
  [[nodiscard]] std::unique_ptr<sm::Installer> NewInstaller() override;
  [[nodiscard]] std::optional<std::string> Staged() const override { return inner_.Staged(); }
  [[nodiscard]] std::unique_ptr<sm::Installer> ResumeInstaller() override;

 private:
  friend class ObservedInstaller;
  // Counts all rows anew, after the store was opened or replaced.
  void Recount();
  void Announce(bool installed);

  sm::Store& inner_;
  Listener listener_;
  RowSum sum_;
  std::optional<LogId> last_applied_;
};

}  // namespace metasrv::sim
