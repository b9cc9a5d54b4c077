#include "bin/real_directory.h"

#include <utility>

#include "backup/store_sink.h"
#include "bin/waiting_loop.h"
#include "io/real/data_dir.h"
#include "io/real/rocks_log_store.h"
#include "io/real/rocks_state_store.h"
#include "io/real/snapshot_mark.h"

namespace metasrv {
namespace {

using Status = std::expected<void, io::Error>;

// Log writes that an import has under way at most, a batch each.
constexpr std::size_t kLogWritesMax = 8;

// Both stores of one node, and a loop for their completions that runs on the caller's thread while it waits.
class RealStores {
 public:
  static std::expected<std::unique_ptr<RealStores>, io::Error> Open(const io::DataPaths& paths) {
    auto stores = std::make_unique<RealStores>();
    auto log = io::RocksLogStore::Open({.directory = paths.log}, stores->loop_);
    if (!log) return std::unexpected(log.error());
    auto state = io::RocksStateStore::Open({.directory = paths.state, .row_cache_bytes = 0}, stores->loop_);
    if (!state) return std::unexpected(state.error());
    stores->log_ = std::move(*log);
    stores->state_ = std::move(*state);
    return stores;
  }

  io::LogStore& log() { return *log_; }
  sm::Store& state() { return *state_; }
  io::StateFileStats state_files() const { return state_->FileStats(); }

  WaitingLoop& loop() { return loop_; }

  // Writes `last` and waits until it and everything before it are durable, in both stores.
  Status WriteAndSync(io::LogBatch last) {
    Status result;
    bool done = false;
    log_->Write(std::move(last), [&](Status written) {
      result = std::move(written);
      state_->Flush([&](bool ok) {
        if (!ok && result) result = std::unexpected(state_->failure().value_or(io::Error{}));
        done = true;
      });
    });
    loop_.WaitUntil([&] { return done; });
    return result;
  }

 private:
  WaitingLoop loop_;
  std::unique_ptr<io::RocksLogStore> log_;
  std::unique_ptr<io::RocksStateStore> state_;
};

// Waits when the disk of the log does not keep up, so that an import needs little memory.
class PatientSink final : public backup::ImportSink {
 public:
  explicit PatientSink(RealStores& stores) : stores_(stores), sink_(stores.log(), stores.state()) {}

  std::expected<void, std::string> WriteLog(io::LogBatch batch) override {
    stores_.loop().WaitUntil([this] { return sink_.log_writes_pending() < kLogWritesMax; });
    return sink_.WriteLog(std::move(batch));
  }
  std::expected<void, std::string> WriteState(std::vector<sm::Row> rows) override {
    return sink_.WriteState(std::move(rows));
  }
  bool HasRow(std::string_view key) const override { return sink_.HasRow(key); }

  [[nodiscard]] const std::optional<io::Error>& log_error() const { return sink_.log_error(); }

 private:
  RealStores& stores_;
  backup::StoreSink sink_;
};

class RealReplacement final : public ctl::Replacement {
 public:
  RealReplacement(std::unique_ptr<io::DataImport> import, std::unique_ptr<RealStores> stores)
      : import_(std::move(import)), stores_(std::move(stores)), sink_(*stores_) {}

  backup::ImportSink& sink() override { return sink_; }

  Status Commit(const std::string& snapshot_id) override {
    auto synced = stores_->WriteAndSync({});
    if (!synced) return synced;
    if (sink_.log_error()) return std::unexpected(*sink_.log_error());
    stores_.reset();
    if (auto marked = io::MarkSnapshot(import_->paths().snapshot, snapshot_id); !marked) return marked;
    return import_->Commit();
  }

 private:
  std::unique_ptr<io::DataImport> import_;  // outlives the stores inside it
  std::unique_ptr<RealStores> stores_;
  PatientSink sink_;
};

class RealDirectory final : public ctl::OfflineDirectory {
 public:
  explicit RealDirectory(std::unique_ptr<io::DataDir> dir) : dir_(std::move(dir)) {}

  bool IsEmpty() const override { return dir_->IsEmpty(); }

  std::expected<Content, io::Error> Load() override {
    auto stores = RealStores::Open(dir_->paths());
    if (!stores) return std::unexpected(stores.error());
    stores_ = std::move(*stores);
    LogIndex begin;
    LogIndex end;
    auto log = stores_->log().Visit([&](const Entry& entry) {
      if (begin == end) begin = entry.id.index;
      end = entry.id.index.Next();
    });
    if (!log) return std::unexpected(log.error());
    const std::uint64_t rows = end.value() - begin.value() + stores_->state_files().rows;
    return Content{std::move(*log), stores_->log().Scan(begin, end), stores_->state().NewSnapshot(), rows};
  }

  Status SetNodeId(NodeId id) override {
    io::LogBatch identity;
    identity.node_id = id;
    return stores_->WriteAndSync(std::move(identity));
  }

  std::expected<std::unique_ptr<ctl::Replacement>, io::Error> Replace() override {
    auto import = dir_->BeginImport();
    if (!import) return std::unexpected(import.error());
    auto stores = RealStores::Open((*import)->paths());
    if (!stores) return std::unexpected(stores.error());
    return std::make_unique<RealReplacement>(std::move(*import), std::move(*stores));
  }

 private:
  std::unique_ptr<io::DataDir> dir_;
  std::unique_ptr<RealStores> stores_;
};

}  // namespace

std::expected<std::unique_ptr<ctl::OfflineDirectory>, io::Error> OpenRealDirectory(const std::string& raft_dir) {
  auto dir = io::DataDir::Open(raft_dir, io::DataDir::Missing::kCreate);
  if (!dir) return std::unexpected(dir.error());
  return std::make_unique<RealDirectory>(std::move(*dir));
}

}  // namespace metasrv
