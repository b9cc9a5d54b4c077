#pragma once

#include "log.pb.h"
#include "meta.pb.h"

namespace metasrv::sm {

// What is replicated for a client's KvTransaction: the same meaning in the shape that a backup can hold
// (export-format.md §8). Children of an expression are its sub-expressions, then its conditions; what the wire leaves
// open is made explicit: unknown operators become "and" and EQ, a condition without target one that is never true, an
// operation without request Get of the empty key (kv-semantics.md §7, §8).
[[nodiscard]] pb::KvTxn FromRequest(const meta::KvTransactionRequest& request);

}  // namespace metasrv::sm
