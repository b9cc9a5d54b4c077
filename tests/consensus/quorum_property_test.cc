#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "consensus/quorum.h"

namespace metasrv {
namespace {

// The ids whose bits are set.
NodeSet SetOf(unsigned bits) {
  NodeSet set;
  for (std::uint64_t id = 0; id < 7; ++id) {
    if ((bits >> id & 1U) != 0) set.push_back(NodeId(id));
  }
  return set;
}

NodeSet AnySet() { return SetOf(*rc::gen::inRange(0U, 128U)); }

Membership AnyMembership() {
  Membership membership;
  const auto config_count = *rc::gen::inRange(1, 3);
  for (int i = 0; i < config_count; ++i) membership.configs.push_back(SetOf(*rc::gen::inRange(1U, 128U)));
  membership.nodes = membership.Voters();
  return membership;
}

// The definition, literally: more than half of every config.
bool NaiveQuorum(const Membership& membership, const NodeSet& yes) {
  for (const NodeSet& config : membership.configs) {
    std::size_t count = 0;
    for (NodeId id : config) count += Contains(yes, id) ? 1 : 0;
    if (2 * count <= config.size()) return false;
  }
  return true;
}

RC_GTEST_PROP(Quorum, IsMoreThanHalfOfEveryConfig, ()) {
  const Membership membership = AnyMembership();
  const NodeSet yes = AnySet();
  RC_ASSERT(HasQuorum(membership, [&](NodeId id) { return Contains(yes, id); }) == NaiveQuorum(membership, yes));
}

RC_GTEST_PROP(Quorum, AnyTwoQuorumsOfOneMembershipShareAVoter, ()) {
  const Membership membership = AnyMembership();
  const NodeSet a = AnySet();
  const NodeSet b = AnySet();
  const bool both = HasQuorum(membership, [&](NodeId id) { return Contains(a, id); }) &&
                    HasQuorum(membership, [&](NodeId id) { return Contains(b, id); });
  bool shared = false;
  for (NodeId voter : membership.Voters()) shared = shared || (Contains(a, voter) && Contains(b, voter));
  const bool holds = !both || shared;
  RC_ASSERT(holds);
}

RC_GTEST_PROP(Quorum, ValueIsTheLargestThatAQuorumReached, ()) {
  const Membership membership = AnyMembership();
  const auto reached = *rc::gen::container<std::vector<std::uint8_t>>(7, rc::gen::inRange<std::uint8_t>(0, 9));
  const auto value_of = [&](NodeId id) -> std::uint64_t { return reached[id.value()]; };
  const std::uint64_t value = QuorumValue(membership, value_of);
  RC_ASSERT(HasQuorum(membership, [&](NodeId id) { return value_of(id) >= value; }));
  RC_ASSERT(!HasQuorum(membership, [&](NodeId id) { return value_of(id) >= value + 1; }));
}

TEST(Quorum, DoesNotExistWithoutVoters) {
  EXPECT_FALSE(HasQuorum({}, [](NodeId) { return true; }));
  EXPECT_EQ(QuorumValue({}, [](NodeId) { return std::uint64_t{5}; }), 0U);
}

}  // namespace
}  // namespace metasrv
