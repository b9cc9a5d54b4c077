#include "io/sim/sim_log_store.h"

#include <utility>
#include <vector>

#include "common/check.h"

namespace metasrv::io {

SimLogStore::SimLogStore(SimDisk& disk, EventLoop& loop) : disk_(disk) { disk_.AttachLog(this, loop); }

SimLogStore::~SimLogStore() { disk_.DetachLog(this); }

std::expected<LogContents, Error> SimLogStore::Visit(const Visitor& visit) const { return disk_.VisitLog(visit); }

void SimLogStore::Read(LogIndex begin, LogIndex end, std::size_t bytes_max, ReadDone done) const {
  disk_.ReadLog(this, {begin, end, bytes_max}, std::move(done));
}

std::unique_ptr<EntryCursor> SimLogStore::Scan(LogIndex begin, LogIndex end) const {
  std::vector<Entry> entries;
  for (LogIndex index = begin; index < end; index = index.Next()) {
    const Entry* entry = disk_.log_.durable.Find(index);
    CHECK(entry != nullptr);
    entries.push_back(*entry);
  }
  return std::make_unique<VectorCursor>(std::move(entries));
}

void SimLogStore::Write(LogBatch batch, Done done) { disk_.WriteLog(this, std::move(batch), std::move(done)); }

LogStats SimLogStore::Stats() const {
  LogStats stats = disk_.log_.stats;
  stats.entry_count = disk_.log_.issued.entries.size();
  return stats;
}

}  // namespace metasrv::io
