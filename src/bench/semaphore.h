#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "bench/workload.h"
#include "common/time.h"

namespace metasrv::bench {

struct SemaphoreOptions {
  std::string name;            // "sem-<prefix>-<number>"
  std::uint64_t capacity = 0;  // how many may hold it at a time
  bool time_based = false;     // the queue is ordered by the clients' clocks instead of by a counter in the store
  Duration ttl;                // of the place in the queue of a client that does not renew it
  Duration hold;               // between acquiring and releasing
};

// Acquires and releases a distributed semaphore once: takes a place in the queue "<name>/queue/" (a key with a TTL,
// renewed while it is waited for and held), watches the queue until the own key is among the first `capacity`, and
// deletes it in the end (metactl.md §6). `owner` is told apart from other owners. Errors: which call failed, and why.
[[nodiscard]] std::expected<void, std::string> UseSemaphore(const SemaphoreOptions& options, const std::string& owner,
                                                            const CallTarget& target);

}  // namespace metasrv::bench
