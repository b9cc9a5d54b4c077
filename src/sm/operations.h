#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "meta.pb.h"
#include "sm/upsert.h"

namespace metasrv::sm {

// Runs one operation of a transaction, which sees the effects of earlier ones, and fills in its response
// (kv-semantics.md §8). Never fails: a match that did not hold shows in the response.
void RunOperation(const EntryContext& entry, const meta::TxnOp& operation, meta::TxnOpResponse& response);

// The number in a JSON document that is one unsigned 64-bit integer, else 0 (§8.4).
[[nodiscard]] std::uint64_t ParseJsonU64(std::string_view text);

// base + delta, held within [0, 2^64 - 1].
[[nodiscard]] std::uint64_t AddClamped(std::uint64_t base, std::int64_t delta);

// 27 characters that sort as the numbers do, such as "000_000_000_000_001_200_123" (§8.5).
[[nodiscard]] std::string SequentialSuffix(std::uint64_t number);

}  // namespace metasrv::sm
