#include "consensus/quorum.h"

#include <algorithm>
#include <vector>

#include "common/check.h"
#include "common/mutant.h"

namespace metasrv {

std::size_t MajorityOf(std::size_t voter_count) {
  CHECK_GT(voter_count, 0U);
  if (MutantOn(Mutant::kE11)) return std::max<std::size_t>(1, voter_count / 2);
  return voter_count / 2 + 1;
}

bool HasQuorum(const Membership& membership, const std::function<bool(NodeId)>& has) {
  if (membership.configs.empty()) return false;
  return std::all_of(membership.configs.begin(), membership.configs.end(), [&](const NodeSet& config) {
    return static_cast<std::size_t>(std::count_if(config.begin(), config.end(), has)) >= MajorityOf(config.size());
  });
}

std::uint64_t QuorumValue(const Membership& membership, const std::function<std::uint64_t(NodeId)>& reached) {
  if (membership.configs.empty()) return 0;
  std::uint64_t least = UINT64_MAX;
  for (const NodeSet& config : membership.configs) {
    std::vector<std::uint64_t> values;
    values.reserve(config.size());
    for (NodeId id : config) values.push_back(reached(id));
    std::sort(values.begin(), values.end(), std::greater<>());
    least = std::min(least, values[MajorityOf(config.size()) - 1]);
  }
  return least;
}

}  // namespace metasrv
