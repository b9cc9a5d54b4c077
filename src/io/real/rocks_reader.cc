#include "io/real/rocks_reader.h"

#include <utility>

#include "common/check.h"
#include "io/real/rocks_db.h"

namespace metasrv::io {
namespace {

rocksdb::Slice SliceOf(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

std::string RowKey(Generation generation, std::string_view key) {
  std::string row = GenerationPrefix(generation);
  row += key;
  return row;
}

class RowIterator final : public sm::Iterator {
 public:
  RowIterator(rocksdb::DB& db, const rocksdb::Snapshot* snapshot, const std::string& lower, std::string upper)
      : upper_(std::move(upper)), upper_slice_(upper_) {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot;
    options.iterate_upper_bound = &upper_slice_;
    rows_.reset(db.NewIterator(options));
    rows_->Seek(lower);
    CheckStatus();
  }

  [[nodiscard]] bool Valid() const override { return rows_->Valid(); }
  void Next() override {
    CHECK(rows_->Valid());
    rows_->Next();
    CheckStatus();
  }
  [[nodiscard]] std::string_view key() const override {
    return {rows_->key().data() + sizeof(Generation), rows_->key().size() - sizeof(Generation)};
  }
  [[nodiscard]] std::string_view value() const override { return {rows_->value().data(), rows_->value().size()}; }

 private:
  // The end of the rows and a failed read look alike but for the status.
  void CheckStatus() const {
    if (!rows_->Valid() && !rows_->status().ok()) DieOfBadRead(rows_->status(), "read state");
  }

  std::string upper_;
  rocksdb::Slice upper_slice_;
  std::unique_ptr<rocksdb::Iterator> rows_;
};

class PinnedGeneration final : public sm::Snapshot {
 public:
  PinnedGeneration(std::shared_ptr<rocksdb::DB> db, std::shared_ptr<RowCache> cache, Generation generation)
      : db_(std::move(db)),
        cache_(std::move(cache)),
        snapshot_(db_->GetSnapshot()),
        version_(cache_->version()),
        generation_(generation) {}
  ~PinnedGeneration() override { db_->ReleaseSnapshot(snapshot_); }
  PinnedGeneration(const PinnedGeneration&) = delete;
  PinnedGeneration& operator=(const PinnedGeneration&) = delete;

  [[nodiscard]] std::optional<std::string> Get(std::string_view key) const override {
    return GetRowCached(*db_, snapshot_, generation_, *cache_, version_, key);
  }
  [[nodiscard]] std::unique_ptr<sm::Iterator> Scan(std::string_view lower, std::string_view upper) const override {
    return ScanRows(*db_, snapshot_, generation_, lower, upper);
  }

 private:
  std::shared_ptr<rocksdb::DB> db_;
  std::shared_ptr<RowCache> cache_;
  const rocksdb::Snapshot* snapshot_;
  RowCache::Version version_;
  Generation generation_;
};

}  // namespace

std::string GenerationPrefix(Generation generation) {
  std::string prefix;
  for (int shift = 56; shift >= 0; shift -= 8) prefix.push_back(static_cast<char>(generation >> shift));
  return prefix;
}

std::optional<std::string> GetRow(rocksdb::DB& db, const rocksdb::Snapshot* snapshot, Generation generation,
                                  std::string_view key) {
  rocksdb::ReadOptions options;
  options.snapshot = snapshot;
  std::string value;
  const rocksdb::Status status = db.Get(options, SliceOf(RowKey(generation, key)), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) DieOfBadRead(status, "read state");
  return value;
}

std::optional<std::string> GetRowCached(rocksdb::DB& db, const rocksdb::Snapshot* snapshot, Generation generation,
                                        RowCache& cache, RowCache::Version version, std::string_view key) {
  if (auto found = cache.Find(key, version)) return std::move(*found);
  auto value = GetRow(db, snapshot, generation, key);
  cache.Remember(key, value, version);
  return value;
}

std::unique_ptr<sm::Iterator> ScanRows(rocksdb::DB& db, const rocksdb::Snapshot* snapshot, Generation generation,
                                       std::string_view lower, std::string_view upper) {
  std::string end = upper.empty() ? GenerationPrefix(generation + 1) : RowKey(generation, upper);
  return std::make_unique<RowIterator>(db, snapshot, RowKey(generation, lower), std::move(end));
}

std::shared_ptr<const sm::Snapshot> PinGeneration(std::shared_ptr<rocksdb::DB> db, std::shared_ptr<RowCache> cache,
                                                  Generation generation) {
  return std::make_shared<PinnedGeneration>(std::move(db), std::move(cache), generation);
}

}  // namespace metasrv::io
