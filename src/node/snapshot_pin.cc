#include "node/snapshot_pin.h"

#include <utility>

#include "common/check.h"
#include "common/crc32c.h"
#include "common/mutant.h"
#include "common/prng.h"
#include "node/wire.h"

namespace metasrv::node {

std::uint64_t HashRow(std::uint64_t hash, std::string_view key, std::string_view value) {
  return Hash64(value, Hash64(key, hash));
}

std::uint32_t ChecksumOf(const pb::SnapshotChunk& chunk) {
  std::uint32_t crc = Crc32c(std::to_string(chunk.number()));
  crc = Crc32c(chunk.rows(), crc);
  return chunk.has_done() ? Crc32c(chunk.done().SerializeAsString(), crc) : crc;
}

pb::SnapshotId IdOf(const LogId& last, std::uint64_t state_hash) {
  pb::SnapshotId id;
  *id.mutable_last() = ToProto(last);
  id.set_state_hash(state_hash);
  return id;
}

bool SameId(const pb::SnapshotId& a, const pb::SnapshotId& b) {
  return a.state_hash() == b.state_hash() && FromProto(a.last()) == FromProto(b.last());
}

SnapshotPin::SnapshotPin(SnapshotMeta meta, std::uint64_t state_hash, std::shared_ptr<const sm::Snapshot> state,
                         std::size_t piece_bytes)
    : meta_(std::move(meta)),
      id_(IdOf(*meta_.last, state_hash)),
      state_(std::move(state)),
      piece_bytes_(piece_bytes),
      rows_(state_->Scan({}, {})),
      places_(1) {}

pb::SnapshotChunk SnapshotPin::Next() {
  CHECK(!at_end_);
  pb::SnapshotChunk chunk;
  pb::StateRows rows;
  std::size_t bytes = 0;
  for (; rows_->Valid() && bytes < piece_bytes_; rows_->Next()) {
    pb::StateRow* row = rows.add_rows();
    row->set_key(std::string(rows_->key()));
    row->set_value(std::string(rows_->value()));
    hash_ = HashRow(hash_, row->key(), row->value());
    bytes += row->key().size() + row->value().size();
  }
  chunk.set_number(next_++);
  chunk.set_rows(rows.SerializeAsString());
  if (!rows_->Valid()) {
    at_end_ = true;
    auto* done = chunk.mutable_done();
    *done->mutable_last() = ToProto(*meta_.last);
    *done->mutable_membership() = ToStored(meta_);
    done->set_rows_hash(hash_);
  } else if (places_.size() == next_) {
    places_.push_back({std::string(rows_->key()), hash_});
  }
  chunk.set_crc(ChecksumOf(chunk));
  return chunk;
}

bool SnapshotPin::Seek(std::uint64_t number) {
  if (number >= places_.size()) return false;
  rows_ = state_->Scan(places_[number].row, {});
  if (MutantOn(Mutant::kS01) && number > 0 && rows_->Valid()) rows_->Next();
  next_ = number;
  hash_ = places_[number].hash;
  at_end_ = false;
  return true;
}

}  // namespace metasrv::node
