#pragma once

#include <functional>

#include "consensus/log.h"
#include "io/log_store.h"
#include "node/forward.h"
#include "node/members.h"

namespace metasrv::node {

// Whether the disk holds nothing of any cluster, so that `single` may found one.
[[nodiscard]] bool IsUninitialised(const io::LogContents& contents, const Log& log, const SnapshotMeta& state);

// Entry 0 of a new cluster: its only voter, the voter's disk, and the cluster's name.
[[nodiscard]] Entry FirstEntry(NodeId id, Incarnation disk, ClusterId cluster);

// Writes what a new single-node cluster begins with once its founder leads: the node's record and the membership again
// (export-format.md §10.7, entries 2 and 3).
void Found(Context& context, Forwarder& forwarder, Members& members, std::function<void()> done);

}  // namespace metasrv::node
