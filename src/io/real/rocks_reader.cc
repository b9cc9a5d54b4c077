#include "io/real/rocks_reader.h"

#include <algorithm>
#include <utility>
#include <vector>

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
  RowIterator(rocksdb::DB& db, const std::string& lower, std::string upper)
      : upper_(std::move(upper)), upper_slice_(upper_) {
    rocksdb::ReadOptions options;
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

// Walks pinned rows in pieces that it copies. While it waits, perhaps for a slow client, it holds no iterator of
// RocksDB, which would keep memtables and files that are long replaced.
class PieceIterator final : public sm::Iterator {
 public:
  PieceIterator(rocksdb::DB& db, const rocksdb::Snapshot* snapshot, std::string lower, std::string upper)
      : db_(db), snapshot_(snapshot), lower_(std::move(lower)), upper_(std::move(upper)) {
    Load();
  }

  [[nodiscard]] bool Valid() const override { return next_ < rows_.size(); }
  void Next() override {
    CHECK(Valid());
    if (++next_ == rows_.size() && !ended_) Load();
  }
  [[nodiscard]] std::string_view key() const override {
    return std::string_view(piece_).substr(rows_[next_].key, rows_[next_].value - rows_[next_].key);
  }
  [[nodiscard]] std::string_view value() const override {
    return std::string_view(piece_).substr(rows_[next_].value, rows_[next_].end - rows_[next_].value);
  }

 private:
  // Where in the piece.
  struct Place {
    std::size_t key;
    std::size_t value;
    std::size_t end;
  };

  static constexpr std::size_t kFirstPieceBytes = std::size_t{4} << 10U;
  static constexpr std::size_t kPieceBytesMax = std::size_t{64} << 10U;
  // A longer walk must not push everything else out of the block cache.
  static constexpr std::size_t kCachedBytesMax = std::size_t{1} << 20U;

  void Load() {
    const rocksdb::Slice bound(upper_);
    rocksdb::ReadOptions options;
    options.snapshot = snapshot_;
    options.iterate_upper_bound = &bound;
    options.fill_cache = walked_ < kCachedBytesMax;
    piece_.clear();
    rows_.clear();
    next_ = 0;
    const std::unique_ptr<rocksdb::Iterator> rows(db_.NewIterator(options));
    for (rows->Seek(lower_); rows->Valid() && piece_.size() < piece_bytes_; rows->Next())
      Add(rows->key(), rows->value());
    if (!rows->status().ok()) DieOfBadRead(rows->status(), "read state");
    ended_ = !rows->Valid();
    if (!ended_) lower_.assign(rows->key().data(), rows->key().size());
    walked_ += piece_.size();
    piece_bytes_ = std::min(2 * piece_bytes_, kPieceBytesMax);
  }

  void Add(rocksdb::Slice key, const rocksdb::Slice& value) {
    key.remove_prefix(sizeof(Generation));
    Place& place = rows_.emplace_back();
    place.key = piece_.size();
    piece_.append(key.data(), key.size());
    place.value = piece_.size();
    piece_.append(value.data(), value.size());
    place.end = piece_.size();
  }

  rocksdb::DB& db_;
  const rocksdb::Snapshot* const snapshot_;
  std::string lower_;  // of the next piece
  const std::string upper_;
  std::string piece_;
  std::vector<Place> rows_;
  std::size_t next_ = 0;
  std::size_t piece_bytes_ = kFirstPieceBytes;
  std::size_t walked_ = 0;
  bool ended_ = false;
};

// The first key behind the rows below `upper`, or behind all of them.
std::string UpperBound(Generation generation, std::string_view upper) {
  return upper.empty() ? GenerationPrefix(generation + 1) : RowKey(generation, upper);
}

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
    return std::make_unique<PieceIterator>(*db_, snapshot_, RowKey(generation_, lower), UpperBound(generation_, upper));
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

std::unique_ptr<sm::Iterator> ScanRows(rocksdb::DB& db, Generation generation, std::string_view lower,
                                       std::string_view upper) {
  return std::make_unique<RowIterator>(db, RowKey(generation, lower), UpperBound(generation, upper));
}

std::shared_ptr<const sm::Snapshot> PinGeneration(std::shared_ptr<rocksdb::DB> db, std::shared_ptr<RowCache> cache,
                                                  Generation generation) {
  return std::make_shared<PinnedGeneration>(std::move(db), std::move(cache), generation);
}

}  // namespace metasrv::io
