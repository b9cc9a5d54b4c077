// Entries that are not in memory: read back from the log store, for peers that lag behind and to be applied.
//
// An answer may have been overtaken: by a purge, by a truncation after a change of leadership, by a snapshot. So it is
// used only as far as its entries still are the log's own, id by id (an id never stands for two contents).
#include <algorithm>
#include <utility>

#include "common/check.h"
#include "common/mutant.h"
#include "consensus/core.h"

namespace metasrv {

void RaftCore::Handle(EntriesLoaded loaded) {
  TraceOvertaken(loaded);
  if (loaded.peer) {
    UseForPeer(std::move(loaded));
  } else {
    UseToApply(std::move(loaded));
  }
}

// The entries from `from` on that still stand where they were read.
std::vector<Entry> RaftCore::StillInLog(std::vector<Entry> entries, LogIndex from) const {
  if (MutantOn(Mutant::kL01)) return entries;
  std::erase_if(entries, [from](const Entry& entry) { return entry.id.index < from; });
  std::size_t count = 0;
  while (count < entries.size() && entries[count].id.index.value() == from.value() + count &&
         entries[count].id.index >= log_.begin() && log_.IdAt(entries[count].id.index) == entries[count].id) {
    ++count;
  }
  entries.resize(count);
  return entries;
}

void RaftCore::TraceOvertaken(const EntriesLoaded& loaded) {
  const bool purged = loaded.begin < log_.begin();
  const bool replaced = std::any_of(loaded.entries.begin(), loaded.entries.end(), [this](const Entry& entry) {
    return entry.id.index >= log_.begin() && log_.IdAt(entry.id.index) != entry.id;
  });
  if (purged || replaced) Trace(TraceKind::kLoadOvertaken, loaded.begin.value(), purged ? 1 : 0);
}

// --- for a peer

// Requires: progress.next() is in the log and not in memory.
void RaftCore::LoadForPeer(NodeId to, Progress& progress) {
  CHECK_GE(progress.next(), log_.begin());
  CHECK_LT(progress.next(), log_.cached_begin());
  if (!progress.CanLoad()) return;
  const LogIndex end(std::min(progress.next().value() + options_.append_entries_max, log_.cached_begin().value()));
  out_.loads.push_back({to, progress.next(), end, options_.append_bytes_max});
  progress.StartLoad();
  Trace(TraceKind::kLoadAsked, to.value(), end > commit_end_ ? 1 : 0);
}

void RaftCore::UseForPeer(EntriesLoaded loaded) {
  auto* leader = std::get_if<Leader>(&role_);
  Progress* progress = leader ? leader->tracker.Find(*loaded.peer) : nullptr;
  if (progress == nullptr || !progress->loading()) return;  // asked for by an earlier leadership
  const bool is_next = loaded.begin == progress->next();
  std::vector<Entry> entries = StillInLog(std::move(loaded.entries), progress->next());
  progress->EndLoad(!is_next || !entries.empty());
  if (entries.empty() || progress->mode() == Progress::Mode::kSnapshot || !MaySend(*progress)) return;
  Trace(TraceKind::kLoadedForPeer, loaded.peer->value(), entries.size());
  SendEntries(*loaded.peer, *progress, std::move(entries));
}

// --- to be applied

void RaftCore::LoadToApply(LogIndex end) {
  if (std::exchange(loading_to_apply_, true)) return;
  CHECK_GE(emitted_end_, log_.begin());
  out_.loads.push_back({std::nullopt, emitted_end_, std::min(end, log_.cached_begin()), options_.apply_bytes_max});
}

void RaftCore::UseToApply(EntriesLoaded loaded) {
  CHECK(loading_to_apply_);
  loading_to_apply_ = false;
  if (installing_ || quarantined_) return;
  std::vector<Entry> entries = StillInLog(std::move(loaded.entries), emitted_end_);
  const LogIndex end = std::min(commit_end_, durability_.durable_end());
  for (Entry& entry : entries) {
    if (entry.id.index >= end) break;
    emitted_end_ = std::max(emitted_end_, entry.id.index.Next());
    out_.committed.push_back(std::move(entry));
  }
  if (!out_.committed.empty()) Trace(TraceKind::kLoadedToApply, out_.committed.size());
}

}  // namespace metasrv
