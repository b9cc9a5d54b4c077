#pragma once

#include "sm/upsert.h"

namespace metasrv::sm {

// Removes every record whose expiry is smaller than the entry's time, in the order (expiry ms, seq), and notes the
// changes (kv-semantics.md §3 step 1). An entry without time sweeps nothing.
void SweepExpired(const EntryContext& entry);

}  // namespace metasrv::sm
