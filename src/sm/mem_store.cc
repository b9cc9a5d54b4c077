#include "sm/mem_store.h"

#include <vector>

#include "common/check.h"

namespace metasrv::sm {
namespace {

class MapIterator final : public Iterator {
 public:
  MapIterator(PersistentMap::Cursor cursor, std::string_view upper) : cursor_(std::move(cursor)), upper_(upper) {}

  [[nodiscard]] bool Valid() const override {
    return cursor_.Valid() && (upper_.empty() || cursor_.row().first < upper_);
  }
  void Next() override { cursor_.Next(); }
  [[nodiscard]] std::string_view key() const override { return cursor_.row().first; }
  [[nodiscard]] std::string_view value() const override { return cursor_.row().second; }

 private:
  PersistentMap::Cursor cursor_;
  std::string upper_;
};

}  // namespace

class MemStore::MapInstaller final : public Installer {
 public:
  MapInstaller(MemStore& target, PersistentMap rows) : target_(target), rows_(std::move(rows)) {}

  using Installer::Add;
  void Add(std::vector<Row> rows, std::string mark) override {
    for (Row& row : rows) rows_.Put(std::move(row.first), std::move(row.second));
    if (!mark.empty()) target_.staged_ = StagedRows{rows_, std::move(mark)};
  }
  void Commit(std::move_only_function<void(bool ok)> done) override {
    target_.rows_ = std::move(rows_);
    target_.staged_.reset();
    done(true);
  }

 private:
  MemStore& target_;
  PersistentMap rows_;
};

std::optional<std::string> GetFrom(const PersistentMap& rows, std::string_view key) {
  const std::string* value = rows.Find(key);
  return value == nullptr ? std::nullopt : std::optional(*value);
}

std::unique_ptr<Iterator> ScanOf(const PersistentMap& rows, std::string_view lower, std::string_view upper) {
  return std::make_unique<MapIterator>(rows.LowerBound(lower), upper);
}

void ApplyTo(PersistentMap& rows, WriteBatch batch) {
  for (WriteBatch::Change& change : batch.changes) {
    if (change.value.has_value()) {
      rows.Put(std::move(change.key), std::move(*change.value));
    } else {
      rows.Erase(change.key);
    }
  }
}

std::optional<std::string> MapReader::Get(std::string_view key) const { return GetFrom(rows_, key); }

std::unique_ptr<Iterator> MapReader::Scan(std::string_view lower, std::string_view upper) const {
  return ScanOf(rows_, lower, upper);
}

std::optional<std::string> MemStore::Get(std::string_view key) const { return GetFrom(rows_, key); }

std::unique_ptr<Iterator> MemStore::Scan(std::string_view lower, std::string_view upper) const {
  return ScanOf(rows_, lower, upper);
}

bool MemStore::Write(WriteBatch batch) {
  ApplyTo(rows_, std::move(batch));
  return true;
}

void MemStore::Flush(std::move_only_function<void(bool ok)> done) { done(true); }

std::shared_ptr<const Snapshot> MemStore::NewSnapshot() const { return std::make_shared<const MapReader>(rows_); }

std::unique_ptr<Installer> MemStore::NewInstaller() {
  staged_.reset();
  return std::make_unique<MapInstaller>(*this, PersistentMap());
}

std::optional<std::string> MemStore::Staged() const { return staged_ ? std::optional(staged_->mark) : std::nullopt; }

std::unique_ptr<Installer> MemStore::ResumeInstaller() {
  CHECK(staged_.has_value());
  return std::make_unique<MapInstaller>(*this, staged_->rows);
}

}  // namespace metasrv::sm
