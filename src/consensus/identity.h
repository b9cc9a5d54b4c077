#pragma once

#include <cstdint>
#include <vector>

#include "common/ids.h"

namespace metasrv {

// A voter, and the disk that counts for it.
struct RecordedDisk {
  NodeId node;
  Incarnation disk;

  friend bool operator==(const RecordedDisk&, const RecordedDisk&) = default;
};

// Which disks a cluster counts on. Two data directories that were used under one node id are two different servers in
// the sense of the thesis (§3.2: servers keep what they promised on stable storage), so a voter is a pair of id and
// incarnation (docs/decisions/0013).
struct MembershipIdentity {
  ClusterId cluster;                  // none in a membership that came from a backup
  std::vector<RecordedDisk> disks{};  // of voters only, as far as they are known; one per node

  // The disk that counts for `id`; 0 when none is recorded.
  [[nodiscard]] Incarnation Recorded(NodeId id) const;
  // From now on `disk` counts for `id`.
  void Record(NodeId id, Incarnation disk);

  friend bool operator==(const MembershipIdentity&, const MembershipIdentity&) = default;
};

// A new incarnation. `started_empty`: the directory was empty and its node joins a cluster, in contrast to one that
// holds a backup or founded the cluster. The lowest bit says so, that everybody who meets the number can tell.
[[nodiscard]] Incarnation MakeIncarnation(std::uint64_t random, bool started_empty);
[[nodiscard]] bool StartedEmpty(Incarnation disk);

// Whether promises made by `disk` count where `recorded` is written down. Where nothing is, any disk does that was not
// started empty: an empty one can only be a replacement.
[[nodiscard]] bool Counts(Incarnation recorded, Incarnation disk);

}  // namespace metasrv
