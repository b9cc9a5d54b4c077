#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "log.pb.h"
#include "meta.pb.h"
#include "sm/machine.h"

namespace metasrv::testing {

// The state machine of kv-semantics.md §1-§10 written down as plainly as possible: whole maps, linear searches, no
// index, no batches. What tests and the simulator's judge compare the real one with; it shares types with it and no
// code.
class SmModel {
 public:
  struct Outcome {
    pb::AppliedState reply;  // unset for SetFeature
    std::vector<sm::Change> changes;
  };
  // A write that its client named, and its answer.
  struct Named {
    std::string id;
    std::uint64_t time_ms = 0;
    pb::AppliedState reply;
  };

  // A normal entry.
  Outcome Apply(const pb::Command& command);

  // Reads; records with an expiry smaller than `now_ms` are hidden.
  [[nodiscard]] std::optional<meta::SeqV> Get(const std::string& key, std::uint64_t now_ms) const;
  [[nodiscard]] std::vector<meta::StreamItem> List(std::string_view prefix, std::uint64_t now_ms) const;

  // The whole state; tests may set it up directly.
  std::map<std::string, meta::SeqV> records;
  std::uint64_t seq = 0;
  std::map<std::uint64_t, meta::Node> nodes;
  std::set<std::string> features;
  std::vector<Named> named;  // all that were ever applied, oldest first
  std::uint64_t log_time_ms = 0;
};

}  // namespace metasrv::testing
