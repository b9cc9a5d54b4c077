#pragma once

#include "bench/workload.h"

namespace metasrv::bench {

// Databend's meta service (grpc-api.md). Operations: upsert_kv, list, table_copy_file (metactl.md §6), and put, get,
// txn, mixed, fill on a fixed set of keys.
[[nodiscard]] Protocol MetaProtocol();

}  // namespace metasrv::bench
