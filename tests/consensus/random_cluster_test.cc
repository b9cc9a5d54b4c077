// Random walks of a small cluster: every invariant of RaftCluster holds at each step, and the cluster converges in the
// end.
#include <gtest/gtest.h>

#include <array>

#include "common/prng.h"
#include "tests/support/raft_cluster.h"

namespace metasrv::test {
namespace {

class Walk {
 public:
  Walk(std::uint64_t seed, std::uint64_t size, bool changes_members)
      : prng_(seed), size_(size), changes_members_(changes_members), cluster_(Options()) {
    NodeSet voters;
    for (std::uint64_t id = 1; id <= size; ++id) voters.push_back(NodeId(id));
    cluster_.Create(voters);
  }

  void TakeSteps(int count) {
    for (int i = 0; i < count; ++i) TakeStep();
  }

  bool Converge() { return cluster_.Converge(); }
  [[nodiscard]] std::size_t VoterCount() const {
    return cluster_.raft(*cluster_.leader()).status().membership.Voters().size();
  }

 private:
  static RaftOptions Options() {
    RaftOptions options;
    options.heartbeat_interval = Duration::Millis(100);
    options.election_timeout_min = Duration::Millis(300);
    options.election_timeout_max = Duration::Millis(600);
    options.append_entries_max = 3;
    options.inflight_max = 3;
    return options;
  }

  void TakeStep() {
    const NodeId id(prng_.Between(1, size_));
    const NodeId other(prng_.Between(1, size_));
    switch (prng_.Below(changes_members_ ? 21 : 19)) {
      case 0: cluster_.Isolate(id); break;
      case 1: cluster_.Heal(); break;
      case 2:
        if (cluster_.IsUp(id) && prng_.Below(4) == 0) cluster_.Crash(id);
        break;
      case 3:
        if (!cluster_.IsUp(id)) cluster_.Restart(id);
        break;
      case 4: cluster_.disk(id).manual = !cluster_.disk(id).manual; break;
      case 5: cluster_.Drop([&](NodeId from, NodeId to) { return from == id && to == other; }); break;
      case 6:
      case 7:
      case 15: cluster_.Advance(Duration::Millis(static_cast<std::int64_t>(prng_.Between(1, 200)))); break;
      case 8: Feed(id, Propose{{{RequestId(++request_), std::to_string(request_)}}}); break;
      case 9: Feed(id, Read{RequestId(++request_)}); break;
      case 10:
        if (cluster_.IsUp(id)) Feed(id, Compact{cluster_.raft(id).core().emitted_end()});
        break;
      case 11: cluster_.Persist(id); break;
      case 12: Feed(id, TransferLeadership{RequestId(++request_), other}); break;
      case 13: Feed(id, TransferLeadership{RequestId(++request_), std::nullopt}); break;
      case 14: Feed(id, DiskHealth{static_cast<DiskLevel>(prng_.Below(3))}); break;
      case 19: Feed(cluster_.leader().value_or(id), Change(other, prng_.Below(3))); break;
      default: cluster_.Deliver([&](NodeId from, NodeId to) { return from == id || to == other; }); break;
    }
  }

  // Of any node, the leader itself included.
  ChangeMembership Change(NodeId node, std::uint64_t what) {
    constexpr std::array kGoals = {MembershipGoal::kVoter, MembershipGoal::kLearner, MembershipGoal::kAbsent};
    return {.id = RequestId(++request_), .node = node, .goal = kGoals.at(what)};
  }

  void Feed(NodeId id, Input input) {
    if (cluster_.IsUp(id)) cluster_.Step(id, std::move(input));
  }

  Prng prng_;
  std::uint64_t size_;
  bool changes_members_;
  RaftCluster cluster_;
  std::uint64_t request_ = 0;
};

TEST(RandomCluster, KeepsEveryInvariantAndConverges) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Walk walk(seed, 1 + seed % 5, false);
    walk.TakeSteps(400);
    ASSERT_TRUE(walk.Converge());
  }
}

TEST(RandomCluster, KeepsEveryInvariantAndConvergesWhileMembersComeAndGo) {
  std::size_t changed = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    const std::uint64_t size = 2 + seed % 4;
    Walk walk(seed, size, true);
    walk.TakeSteps(600);
    ASSERT_TRUE(walk.Converge());
    if (walk.VoterCount() != size) ++changed;
  }
  EXPECT_GT(changed, 10U);
}

}  // namespace
}  // namespace metasrv::test
