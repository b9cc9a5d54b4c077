#include "io/sim/sim_state_store.h"

#include <utility>

#include "sm/mem_store.h"

namespace metasrv::io {

// Collects rows in memory; only Commit touches the disk.
class SimStateStore::RowInstaller : public sm::Installer {
 public:
  explicit RowInstaller(SimStateStore& store) : store_(store) {}

  void Add(std::vector<sm::Row> rows) override {
    for (sm::Row& row : rows) rows_.Put(std::move(row.first), std::move(row.second));
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
  return sm::GetFrom(disk_.state_.issued, key);
}

std::unique_ptr<sm::Iterator> SimStateStore::Scan(std::string_view lower, std::string_view upper) const {
  return sm::ScanOf(disk_.state_.issued, lower, upper);
}

bool SimStateStore::Write(sm::WriteBatch batch) { return disk_.WriteState(this, std::move(batch)); }

void SimStateStore::Flush(std::move_only_function<void(bool ok)> done) { disk_.FlushState(this, std::move(done)); }

std::shared_ptr<const sm::Snapshot> SimStateStore::NewSnapshot() const {
  return std::make_shared<const sm::MapReader>(disk_.state_.issued);
}

std::unique_ptr<sm::Installer> SimStateStore::NewInstaller() { return std::make_unique<RowInstaller>(*this); }

}  // namespace metasrv::io
