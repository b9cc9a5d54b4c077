#pragma once

#include <cstdint>
#include <string>

#include "tests/io/log_world.h"

// What log_crash_writer writes, as a function of the batch's number, so that the survivor can be judged without it.
namespace metasrv::test {

// Batches that are under way at the same time.
inline constexpr std::uint64_t kKillPipeline = 8;

// Batch `number` (from 1) appends two entries; every tenth one also votes and purges far behind.
inline io::LogBatch KillBatch(std::uint64_t number) {
  io::LogBatch batch;
  for (std::uint64_t index = 2 * number - 2; index < 2 * number; ++index) {
    batch.append.push_back(TextEntry(1, index, std::string(100 + number % 900, static_cast<char>('a' + index % 26))));
  }
  if (number % 10 != 0) return batch;
  batch.hard_state = HardState{.term = Term(number), .voted_for = NodeId(1), .leader_established = false};
  if (number > 50) batch.purge_to = IdAt(1, 2 * (number - 50));
  return batch;
}

}  // namespace metasrv::test
