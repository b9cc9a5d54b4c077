#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "consensus/types.h"
#include "peer.pb.h"
#include "sm/store.h"

namespace metasrv::node {

// Folds one row into the hash that both ends compute over all rows in order.
[[nodiscard]] std::uint64_t HashRow(std::uint64_t hash, std::string_view key, std::string_view value);

// The checksum of a piece: over its number, its rows and what it says about the end.
[[nodiscard]] std::uint32_t ChecksumOf(const pb::SnapshotChunk& chunk);

// What a snapshot is called. The name follows from its content, so that two nodes that pinned the same point of history
// agree, and a transfer that one of them began can be gone on with by the other.
[[nodiscard]] pb::SnapshotId IdOf(const LogId& last, std::uint64_t state_hash);
[[nodiscard]] bool SameId(const pb::SnapshotId& a, const pb::SnapshotId& b);

// A frozen state, cut into numbered pieces of rows in key order. Where a piece begins follows from the rows and the
// size of the pieces only.
class SnapshotPin {
 public:
  // Requires: meta.last.
  SnapshotPin(SnapshotMeta meta, std::uint64_t state_hash, std::shared_ptr<const sm::Snapshot> state,
              std::size_t piece_bytes);

  [[nodiscard]] const SnapshotMeta& meta() const { return meta_; }
  [[nodiscard]] const pb::SnapshotId& id() const { return id_; }

  // The number of the piece that Next() cuts.
  [[nodiscard]] std::uint64_t next() const { return next_; }
  // Hash over all rows before that piece.
  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  // The last piece has been cut.
  [[nodiscard]] bool at_end() const { return at_end_; }

  // The next piece, without the fields that name the transfer; the last one says what the whole is. Requires:
  // !at_end().
  [[nodiscard]] pb::SnapshotChunk Next();

  // Moves to the beginning of piece `number` if that was cut before, or is the next one.
  [[nodiscard]] bool Seek(std::uint64_t number);

 private:
  // Where a piece begins.
  struct Place {
    std::string row;  // its first row, or the smallest after the last one
    std::uint64_t hash = 0;
  };

  SnapshotMeta meta_;
  pb::SnapshotId id_;
  std::shared_ptr<const sm::Snapshot> state_;
  std::size_t piece_bytes_;
  std::unique_ptr<sm::Iterator> rows_;
  std::vector<Place> places_;  // of pieces 0 .. the furthest that was ever reached
  std::uint64_t next_ = 0;
  std::uint64_t hash_ = 0;
  bool at_end_ = false;
};

}  // namespace metasrv::node
