#include "io/sim/log_image.h"

#include <algorithm>

#include "common/check.h"
#include "common/prng.h"

namespace metasrv::io {
namespace {

// Optional members hash to 0 when absent and never to 0 otherwise.
std::uint64_t HashOf(const std::optional<LogId>& id) {
  if (!id) return 0;
  return MixHash(MixHash(id->term.value(), id->leader.value()), id->index.value()) | 1;
}

std::uint64_t HashOf(const std::optional<HardState>& state) {
  if (!state) return 0;
  const std::uint64_t voted = state->voted_for ? MixHash(1, state->voted_for->value()) : 0;
  return MixHash(MixHash(state->term.value(), voted), state->leader_established ? 1 : 0) | 1;
}

std::uint64_t HashOfHead(const LogBatch& batch) {
  std::uint64_t hash = MixHash(0, batch.node_id ? batch.node_id->value() + 1 : 0);
  hash = MixHash(hash, HashOf(batch.hard_state));
  hash = MixHash(hash, HashOf(batch.committed));
  hash = MixHash(hash, HashOf(batch.reset_to));
  hash = MixHash(hash, batch.truncate_from ? batch.truncate_from->value() + 1 : 0);
  hash = MixHash(hash, HashOf(batch.purge_to));
  if (batch.incarnation) hash = MixHash(hash, batch.incarnation->value());
  return MixHash(hash, batch.append.size());
}

void PurgeTo(LogImage& image, const LogId& id) {
  if (image.purged && *image.purged >= id) return;
  while (!image.entries.empty() && image.entries.front().id.index <= id.index) image.entries.pop_front();
  image.purged = id;
}

}  // namespace

void LogImage::Apply(const LogBatch& batch) {
  if (batch.node_id) node_id = batch.node_id;
  if (batch.incarnation) incarnation = batch.incarnation;
  if (batch.hard_state) hard_state = batch.hard_state;
  if (batch.committed) committed = batch.committed;
  if (batch.reset_to) {
    entries.clear();
    purged = batch.reset_to;
  }
  if (batch.truncate_from) {
    while (!entries.empty() && entries.back().id.index >= *batch.truncate_from) entries.pop_back();
  }
  for (const Entry& entry : batch.append) {
    if (last()) CHECK_EQ(entry.id.index.value(), end().value());
    entries.push_back(entry);
  }
  if (batch.purge_to) PurgeTo(*this, *batch.purge_to);
}

LogIndex LogImage::end() const {
  const std::optional<LogId> id = last();
  return id ? id->index.Next() : LogIndex();
}

std::optional<LogId> LogImage::last() const { return entries.empty() ? purged : entries.back().id; }

const Entry* LogImage::Find(LogIndex index) const {
  if (entries.empty() || index < entries.front().id.index) return nullptr;
  const std::uint64_t offset = index.value() - entries.front().id.index.value();
  return offset < entries.size() ? &entries[offset] : nullptr;
}

LogContents LogImage::ToContents() const {
  return {node_id, hard_state, committed, purged, std::vector<Entry>(entries.begin(), entries.end()), incarnation};
}

std::uint64_t DigestOf(const LogBatch& batch) {
  std::uint64_t hash = HashOfHead(batch);
  for (const Entry& entry : batch.append) {
    hash = MixHash(MixHash(hash, HashOf(entry.id)), entry.payload ? entry.payload->size() : 0);
  }
  return hash;
}

std::uint64_t ChecksumOf(const LogBatch& batch) {
  std::uint64_t hash = DigestOf(batch);
  for (const Entry& entry : batch.append) {
    hash = MixHash(hash, static_cast<std::uint64_t>(entry.kind));
    if (entry.payload) hash = Hash64(*entry.payload, hash);
  }
  return hash;
}

}  // namespace metasrv::io
