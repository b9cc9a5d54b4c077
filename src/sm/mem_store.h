#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sm/persistent_map.h"
#include "sm/store.h"

namespace metasrv::sm {

// A frozen PersistentMap seen as a Reader.
class MapReader : public Reader {
 public:
  explicit MapReader(PersistentMap rows) : rows_(std::move(rows)) {}
  [[nodiscard]] std::optional<std::string> Get(std::string_view key) const override;
  [[nodiscard]] std::unique_ptr<Iterator> Scan(std::string_view lower, std::string_view upper) const override;

 private:
  PersistentMap rows_;
};

// Get and Scan of Reader over a map. The iterator keeps the version it started on.
[[nodiscard]] std::optional<std::string> GetFrom(const PersistentMap& rows, std::string_view key);
[[nodiscard]] std::unique_ptr<Iterator> ScanOf(const PersistentMap& rows, std::string_view lower,
                                               std::string_view upper);
// Applies a batch's changes in their order.
void ApplyTo(PersistentMap& rows, WriteBatch batch);

// An unfinished installation: its rows, and the mark that goes with them.
struct StagedRows {
  PersistentMap rows;
  std::string mark;
};

// A Store in memory that never fails: what is written is durable at once, and `done` callbacks run before the call
// returns. Copying costs O(1) and freezes the content.
class MemStore : public Store {
 public:
  MemStore() = default;
  explicit MemStore(PersistentMap rows) : rows_(std::move(rows)) {}

  [[nodiscard]] std::optional<std::string> Get(std::string_view key) const override;
  [[nodiscard]] std::unique_ptr<Iterator> Scan(std::string_view lower, std::string_view upper) const override;
  [[nodiscard]] bool Write(WriteBatch batch) override;
  void Flush(std::move_only_function<void(bool ok)> done) override;
  [[nodiscard]] std::shared_ptr<const Snapshot> NewSnapshot() const override;
  // The store must outlive the installer.
  [[nodiscard]] std::unique_ptr<Installer> NewInstaller() override;
  [[nodiscard]] std::optional<std::string> Staged() const override;
  [[nodiscard]] std::unique_ptr<Installer> ResumeInstaller() override;

  [[nodiscard]] const PersistentMap& rows() const { return rows_; }

 private:
  class MapInstaller;

  PersistentMap rows_;
  std::optional<StagedRows> staged_;
};

}  // namespace metasrv::sm
