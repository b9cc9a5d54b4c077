#include "io/real/rocks_state_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/experimental.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/statistics.h>
#include <rocksdb/table.h>

#include <array>
#include <cstdlib>
#include <limits>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "common/check.h"
#include "io/real/rocks_db.h"
#include "io/real/rocks_reader.h"
#include "io/real/rocks_status.h"
#include "io/real/worker.h"

namespace metasrv::io {
namespace {

using Done = std::move_only_function<void(bool ok)>;

constexpr Generation kNoGeneration = 0;
constexpr std::string_view kCurrentName = "current";

constexpr std::string_view kStagedName = "staged";

// An unfinished installation: where its rows are, and the mark that goes with them.
struct StagedGeneration {
  Generation generation = 0;
  std::string mark;
};

std::string StagedRow() { return GenerationPrefix(kNoGeneration) + std::string(kStagedName); }
std::string CurrentRow() { return GenerationPrefix(kNoGeneration) + std::string(kCurrentName); }

rocksdb::Options StateDbOptions(const RocksStateOptions& options) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(options.block_cache_bytes);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  // Indexes and filters count against the cache, so that memory stays bounded however large the state grows.
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  rocksdb::Options db = BaseOptions(options.env);
  db.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  db.write_buffer_size = options.memtable_bytes;
  db.statistics = rocksdb::CreateDBStatistics();
  db.statistics->set_stats_level(rocksdb::StatsLevel::kExceptHistogramOrTimers);
  db.max_write_buffer_number = 4;
  db.compression = rocksdb::kLZ4Compression;
  db.level_compaction_dynamic_level_bytes = true;
  // Most keys that are looked up were not written lately.
  db.memtable_whole_key_filtering = true;
  db.memtable_prefix_bloom_size_ratio = 0.02;
  return db;
}

rocksdb::WriteOptions WithoutWal() {
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return options;
}

rocksdb::Slice SliceOf(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

rocksdb::Status PutRow(std::string_view prefix, std::string_view key, std::string_view value,
                       rocksdb::WriteBatch& rows) {
  const std::array<rocksdb::Slice, 2> key_parts = {SliceOf(prefix), SliceOf(key)};
  const rocksdb::Slice value_part = SliceOf(value);
  return rows.Put({key_parts.data(), 2}, {&value_part, 1});
}

rocksdb::Status DeleteRow(std::string_view prefix, std::string_view key, rocksdb::WriteBatch& rows) {
  const std::array<rocksdb::Slice, 2> key_parts = {SliceOf(prefix), SliceOf(key)};
  return rows.Delete(rocksdb::SliceParts(key_parts.data(), 2));
}

// The rows of generations [first, end); nothing when there are none.
rocksdb::Status DropGenerations(rocksdb::DB& db, Generation first, Generation end, rocksdb::WriteBatch& rows) {
  const std::string lower = GenerationPrefix(first);
  const std::string upper = GenerationPrefix(end);
  const rocksdb::Slice bound(upper);
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &bound;
  const std::unique_ptr<rocksdb::Iterator> found(db.NewIterator(options));
  found->Seek(lower);
  return found->Valid() ? rows.DeleteRange(lower, upper) : found->status();
}

std::optional<Generation> ParseGeneration(std::string_view bytes) {
  if (bytes.size() < sizeof(Generation)) return std::nullopt;
  Generation generation = 0;
  for (const char byte : bytes.substr(0, sizeof(Generation))) {
    generation = generation << 8 | static_cast<unsigned char>(byte);
  }
  return generation;
}

std::expected<Generation, Error> ReadCurrent(rocksdb::DB& db) {
  std::string value;
  const rocksdb::Status status = db.Get({}, CurrentRow(), &value);
  if (status.IsNotFound()) return kFirstGeneration;
  if (!status.ok()) return std::unexpected(ToError(status, "read state"));
  const auto generation = ParseGeneration(value);
  if (!generation || value.size() != sizeof(Generation)) {
    return std::unexpected(Error{ErrorKind::kCorrupt, "state: bad generation"});
  }
  return *generation;
}

// None unless rows of a generation after `current` are staged.
std::expected<std::optional<StagedGeneration>, Error> ReadStaged(rocksdb::DB& db, Generation current) {
  std::string value;
  const rocksdb::Status status = db.Get({}, StagedRow(), &value);
  if (status.IsNotFound()) return std::nullopt;
  if (!status.ok()) return std::unexpected(ToError(status, "read state"));
  const auto generation = ParseGeneration(value);
  if (!generation) return std::unexpected(Error{ErrorKind::kCorrupt, "state: bad staged generation"});
  if (*generation <= current) return std::nullopt;
  return StagedGeneration{*generation, value.substr(sizeof(Generation))};
}

// An install that a crash cut short left rows of a generation that nobody will ever read, unless they are staged.
rocksdb::Status DropLeftovers(rocksdb::DB& db, Generation current, const std::optional<StagedGeneration>& staged) {
  rocksdb::WriteBatch rows;
  rocksdb::Status status;
  const Generation last = std::numeric_limits<Generation>::max();
  if (kFirstGeneration < current) status = DropGenerations(db, kFirstGeneration, current, rows);
  if (status.ok()) status = DropGenerations(db, current + 1, staged ? staged->generation : last, rows);
  if (status.ok() && staged) status = DropGenerations(db, staged->generation + 1, last, rows);
  return status.ok() && rows.Count() > 0 ? db.Write(WithoutWal(), &rows) : status;
}

}  // namespace

class RocksStateStore::Impl {
 public:
  Impl(const RocksStateOptions& options, EventLoop& loop, std::shared_ptr<rocksdb::DB> db, Generation current,
       std::optional<StagedGeneration> staged)
      : loop_(loop),
        on_durable_(options.on_durable),
        db_(std::move(db)),
        cache_(std::make_shared<RowCache>(options.row_cache_bytes)),
        alive_(std::make_shared<bool>(true)),
        current_(current),
        newest_(staged ? staged->generation : current),
        staged_(std::move(staged)) {}
  ~Impl() { alive_.reset(); }

  [[nodiscard]] rocksdb::DB& db() const { return *db_; }
  [[nodiscard]] Generation current() const { return current_; }
  [[nodiscard]] Generation NewGeneration() { return ++newest_; }
  [[nodiscard]] std::shared_ptr<const sm::Snapshot> Pin() const { return PinGeneration(db_, cache_, current_); }
  [[nodiscard]] std::optional<std::string> Get(std::string_view key) const {
    return GetRowCached(*db_, nullptr, current_, *cache_, cache_->version(), key);
  }

  // One atomic change of the current generation.
  bool Change(const sm::WriteBatch& batch) {
    const std::string prefix = GenerationPrefix(current_);
    rocksdb::WriteBatch rows;
    for (const auto& [key, value] : batch.changes) {
      CHECK((value ? PutRow(prefix, key, *value, rows) : DeleteRow(prefix, key, rows)).ok());
    }
    if (!Write(rows)) return false;
    cache_->Write(batch);
    return true;
  }

  // False once anything failed (K6).
  bool Write(rocksdb::WriteBatch& rows) {
    if (failure()) return false;
    const rocksdb::Status status = db_->Write(WithoutWal(), &rows);
    if (!status.ok()) Poison(status, "write state");
    return status.ok();
  }

  void Flush(Done done) {
    worker_.Add([this, done = std::move(done)]() mutable { Report(std::move(done), FlushNow()); });
  }

  // Flips at once, so that operations take effect in the order they are issued (K1). A flush makes memtables durable
  // oldest first: the flip cannot get to the disk before the rows that it switches to.
  void SwitchTo(Generation generation, Done done) {
    rocksdb::WriteBatch rows;
    const Generation old = std::exchange(current_, generation);
    cache_->Clear();
    rocksdb::Status status = rows.Put(CurrentRow(), GenerationPrefix(generation));
    if (status.ok()) status = rows.DeleteRange(GenerationPrefix(old), GenerationPrefix(old + 1));
    if (status.ok() && std::exchange(staged_, std::nullopt)) status = rows.Delete(StagedRow());
    if (status.ok()) static_cast<void>(Write(rows));
    if (!status.ok()) Poison(status, "replace state");
    Flush(std::move(done));
    worker_.Add([this, old] { ReclaimSpace(old); });
  }

  // Adds to `rows`, which belong to `generation`, that they are staged.
  void Stage(Generation generation, std::string mark, rocksdb::WriteBatch& rows) {
    CHECK(rows.Put(StagedRow(), GenerationPrefix(generation) + mark).ok());
    staged_ = StagedGeneration{generation, std::move(mark)};
  }
  [[nodiscard]] const std::optional<StagedGeneration>& staged() const { return staged_; }

  void ForgetStaged() {
    if (!staged_) return;
    const Generation generation = std::exchange(staged_, std::nullopt)->generation;
    rocksdb::WriteBatch rows;
    CHECK(rows.Delete(StagedRow()).ok());
    static_cast<void>(Write(rows));
    Abandon(generation);
  }

  void Abandon(Generation generation) {
    rocksdb::WriteBatch rows;
    const rocksdb::Status status = DropGenerations(*db_, generation, generation + 1, rows);
    if (!status.ok()) Poison(status, "forget a snapshot");
    if (status.ok() && rows.Count() > 0) static_cast<void>(Write(rows));
  }

  [[nodiscard]] std::optional<Error> failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
  }

 private:
  bool FlushNow() {
    if (failure()) return false;
    const rocksdb::Status status = db_->Flush(rocksdb::FlushOptions());
    if (!status.ok()) Poison(status, "flush state");
    return status.ok();
  }

  // A hint only: without it the old rows would stay on disk until their neighbours are compacted.
  void ReclaimSpace(Generation old) {
    const std::string lower = GenerationPrefix(old);
    const std::string upper = GenerationPrefix(old + 1);
    const rocksdb::Slice begin(lower);
    const rocksdb::Slice end(upper);
    rocksdb::experimental::SuggestCompactRange(db_.get(), &begin, &end).PermitUncheckedError();
  }

  void Report(Done done, bool ok) {
    loop_.Post([this, alive = std::weak_ptr(alive_), done = std::move(done), ok]() mutable {
      if (!alive.expired() && done) done(ok);
      if (!alive.expired() && ok && on_durable_) on_durable_();
    });
  }

  void Poison(const rocksdb::Status& status, const std::string& what) {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = ToError(status, what);
  }

  EventLoop& loop_;
  const std::function<void()> on_durable_;
  std::shared_ptr<rocksdb::DB> db_;
  std::shared_ptr<RowCache> cache_;
  std::shared_ptr<bool> alive_;
  Generation current_;
  Generation newest_;
  std::optional<StagedGeneration> staged_;

  mutable std::mutex mutex_;
  std::optional<Error> failure_;

  Worker worker_;  // last: its jobs use the rest
};

// Writes the rows as they come; RocksDB flushes them to disk when there are many.
class RocksStateStore::Install final : public sm::Installer {
 public:
  Install(Impl& store, Generation generation) : store_(store), generation_(generation) {}
  ~Install() override {
    const bool is_staged = store_.staged() && store_.staged()->generation == generation_;
    if (!committed_ && !is_staged) store_.Abandon(generation_);
  }
  Install(const Install&) = delete;
  Install& operator=(const Install&) = delete;

  using sm::Installer::Add;
  void Add(std::vector<sm::Row> rows, std::string mark) override {
    const std::string prefix = GenerationPrefix(generation_);
    rocksdb::WriteBatch batch;
    for (const auto& [key, value] : rows) CHECK(PutRow(prefix, key, value, batch).ok());
    if (!mark.empty()) store_.Stage(generation_, std::move(mark), batch);
    // An error poisons the store, and Commit reports it.
    static_cast<void>(store_.Write(batch));
  }

  void Commit(Done done) override {
    CHECK(!committed_);
    committed_ = true;
    store_.SwitchTo(generation_, std::move(done));
  }

 private:
  Impl& store_;
  Generation generation_;
  bool committed_ = false;
};

std::expected<std::unique_ptr<RocksStateStore>, Error> RocksStateStore::Open(const RocksStateOptions& options,
                                                                             EventLoop& loop) {
  auto db = OpenDb(StateDbOptions(options), options.directory);
  if (!db) return std::unexpected(db.error());
  const auto current = ReadCurrent(**db);
  if (!current) return std::unexpected(current.error());
  auto staged = ReadStaged(**db, *current);
  if (!staged) return std::unexpected(staged.error());
  if (const auto status = DropLeftovers(**db, *current, *staged); !status.ok()) {
    return std::unexpected(ToError(status, "clean up state"));
  }
  return std::unique_ptr<RocksStateStore>(
      new RocksStateStore(std::make_unique<Impl>(options, loop, *std::move(db), *current, *std::move(staged))));
}

RocksStateStore::RocksStateStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RocksStateStore::~RocksStateStore() = default;

std::optional<std::string> RocksStateStore::Get(std::string_view key) const { return impl_->Get(key); }

std::unique_ptr<sm::Iterator> RocksStateStore::Scan(std::string_view lower, std::string_view upper) const {
  return ScanRows(impl_->db(), impl_->current(), lower, upper);
}

bool RocksStateStore::Write(sm::WriteBatch batch) { return impl_->Change(batch); }

void RocksStateStore::Flush(Done done) { impl_->Flush(std::move(done)); }
std::shared_ptr<const sm::Snapshot> RocksStateStore::NewSnapshot() const { return impl_->Pin(); }
std::unique_ptr<sm::Installer> RocksStateStore::NewInstaller() {
  impl_->ForgetStaged();
  return std::make_unique<Install>(*impl_, impl_->NewGeneration());
}
std::optional<std::string> RocksStateStore::Staged() const {
  return impl_->staged() ? std::optional(impl_->staged()->mark) : std::nullopt;
}
std::unique_ptr<sm::Installer> RocksStateStore::ResumeInstaller() {
  CHECK(impl_->staged().has_value());
  return std::make_unique<Install>(*impl_, impl_->staged()->generation);
}
StateFileStats RocksStateStore::FileStats() const {
  std::map<std::string, std::string> found;
  if (!impl_->db().GetMapProperty(rocksdb::DB::Properties::kAggregatedTableProperties, &found)) return {};
  const auto number = [&found](const char* name) -> std::uint64_t {
    const auto value = found.find(name);
    return value == found.end() ? 0 : std::strtoull(value->second.c_str(), nullptr, 10);
  };
  const auto& counts = *impl_->db().GetOptions().statistics;
  return {number("data_size"),
          number("index_size"),
          number("num_data_blocks"),
          number("num_entries"),
          counts.getTickerCount(rocksdb::BLOCK_CACHE_DATA_HIT),
          counts.getTickerCount(rocksdb::BLOCK_CACHE_DATA_MISS)};
}
std::optional<Error> RocksStateStore::failure() const { return impl_->failure(); }

}  // namespace metasrv::io
