#include "io/sim/sim_log_store.h"

#include <utility>

namespace metasrv::io {

SimLogStore::SimLogStore(SimDisk& disk, EventLoop& loop) : disk_(disk) { disk_.AttachLog(this, loop); }

SimLogStore::~SimLogStore() { disk_.DetachLog(this); }

std::expected<LogContents, Error> SimLogStore::Load() const { return disk_.Load(); }

void SimLogStore::Write(LogBatch batch, Done done) { disk_.WriteLog(this, std::move(batch), std::move(done)); }

LogStats SimLogStore::Stats() const {
  LogStats stats = disk_.log_.stats;
  stats.entry_count = disk_.log_.issued.entries.size();
  return stats;
}

}  // namespace metasrv::io
