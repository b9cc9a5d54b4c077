#include "io/sim/sim_state_store.h"

#include <utility>

#include "common/check.h"
#include "sm/mem_store.h"

namespace metasrv::io {

// Collects rows in memory; only marks and Commit touch the disk.
class SimStateStore::RowInstaller : public sm::Installer {
 public:
  RowInstaller(SimStateStore& store, StateMap rows) : store_(store), rows_(std::move(rows)) {}

  using sm::Installer::Add;
  void Add(std::vector<sm::Row> rows, std::string mark) override {
    for (sm::Row& row : rows) rows_.Put(std::move(row.first), std::move(row.second));
    if (!mark.empty()) store_.disk_.StageState(&store_, sm::StagedRows{rows_, std::move(mark)});
  }

  void Commit(std::move_only_function<void(bool ok)> done) override {
    store_.disk_.InstallState(&store_, std::move(rows_), std::move(done));
  }

 private:
  SimStateStore& store_;
  StateMap rows_;
};

SimStateStore::SimStateStore(SimDisk& disk, EventLoop& loop) : disk_(disk) { disk_.AttachState(this, loop); }

SimStateStore::~SimStateStore() { disk_.DetachState(this); }

std::optional<std::string> SimStateStore::Get(std::string_view key) const {
  return sm::GetFrom(disk_.state_.issued.rows, key);
}

std::unique_ptr<sm::Iterator> SimStateStore::Scan(std::string_view lower, std::string_view upper) const {
  return sm::ScanOf(disk_.state_.issued.rows, lower, upper);
}

bool SimStateStore::Write(sm::WriteBatch batch) { return disk_.WriteState(this, std::move(batch)); }

void SimStateStore::Flush(std::move_only_function<void(bool ok)> done) { disk_.FlushState(this, std::move(done)); }

std::shared_ptr<const sm::Snapshot> SimStateStore::NewSnapshot() const {
  return std::make_shared<const sm::MapReader>(disk_.state_.issued.rows);
}

std::unique_ptr<sm::Installer> SimStateStore::NewInstaller() {
  if (disk_.state_.issued.staged) disk_.StageState(this, std::nullopt);
  return std::make_unique<RowInstaller>(*this, StateMap());
}

std::optional<std::string> SimStateStore::Staged() const {
  const auto& staged = disk_.state_.issued.staged;
  return staged ? std::optional(staged->mark) : std::nullopt;
}

std::unique_ptr<sm::Installer> SimStateStore::ResumeInstaller() {
  CHECK(disk_.state_.issued.staged.has_value());
  return std::make_unique<RowInstaller>(*this, disk_.state_.issued.staged->rows);
}

}  // namespace metasrv::io
