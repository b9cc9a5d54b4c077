#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sm/store.h"

namespace metasrv::sm {

// The state hash: the sum, modulo 2^64, of RowHash over the rows that clients can see (docs/STORAGE.md, "The state
// hash"). The order of the rows does not matter, and a change of one row moves the sum by a difference, so that the
// state machine carries it along in time proportional to what an entry changes. Not cryptographic.
//
// Covered: every record, every row of the expiry index, and the last sequence number unless it is 0. Not covered: what
// a restored cluster does not share with the one it was taken from (node table, membership, last applied entry, newest
// log time, request ids), features, and the stored hash itself.

// Whether `row` is one that the sum covers.
[[nodiscard]] bool IsHashed(std::string_view row);

[[nodiscard]] std::uint64_t RowHash(std::string_view row, std::string_view value);

// What a last sequence number adds to the sum.
[[nodiscard]] std::uint64_t SeqHash(std::uint64_t last_seq);

// The sum over rows that come in any order and in pieces.
class RowsHash {
 public:
  // `sum`: of the rows that were added before.
  explicit RowsHash(std::uint64_t sum = 0) : sum_(sum) {}
  void Add(std::string_view row, std::string_view value);
  [[nodiscard]] std::uint64_t value() const { return sum_; }

 private:
  std::uint64_t sum_;
};

// The hash of the rows, from the rows: reads all of them.
[[nodiscard]] std::uint64_t ComputeStateHash(const Reader& state);

// The hash that the state machine stored with the rows; none in a state that was written row by row (an import) and
// has applied nothing since.
[[nodiscard]] std::optional<std::uint64_t> ReadStateHash(const Reader& state);

}  // namespace metasrv::sm
