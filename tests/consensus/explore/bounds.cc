#include "tests/consensus/explore/bounds.h"

#include <utility>

namespace metasrv::test {
namespace {

using Kind = Event::Kind;
Budget Of(std::initializer_list<std::pair<Kind, std::uint8_t>> limits, std::uint8_t twice = 0, std::uint8_t early = 0) {
  Budget budget{};
  budget[kTwice] = twice;
  budget[kEarly] = early;
  for (const auto& [kind, limit] : limits) budget[static_cast<std::size_t>(kind)] = limit;
  return budget;
}

using Plus = std::uint8_t (*)(int);

std::uint8_t Plain(int n) { return static_cast<std::uint8_t>(n); }
std::uint8_t OneMore(int n) { return static_cast<std::uint8_t>(n + 1); }

std::vector<Bounds> OfElectionsAndReplication(Plus plus) {
  return {
      {.name = "elections",
       .what = "two campaigns, a crash, every write of the disk on its own",
       .budget = Of({{Kind::kTimeout, 2}, {Kind::kCrash, plus(1)}}, plus(0)),
       .symmetric = true,
       .leaders_goal = 2,
       .committed_goal = 3},
      {.name = "disk",
       .what = "a leader with a proposal, another election and a crash, every write of the disk on its own",
       .budget = Of({{Kind::kTimeout, 1}, {Kind::kPropose, plus(1)}, {Kind::kCrash, 1}}),
       .elected = true,
       .leaders_goal = 2,
       .committed_goal = 4},
      {.name = "replication",
       .what = "two proposals, another election, a packet that arrives twice",
       .budget = Of({{Kind::kTimeout, 1}, {Kind::kPropose, 2}, {Kind::kCrash, plus(0)}}, 1),
       .sync_disk = true,
       .elected = true,
       .leaders_goal = 2,
       .committed_goal = 5},
      {.name = "old-terms",
       .what = "entries of old terms on a majority",
       .term_max = plus(3),
       .budget = Of({{Kind::kTimeout, plus(2)}, {Kind::kPropose, 1}, {Kind::kStall, 1}}),
       .sync_disk = true,
       .elected = true,
       .leaders_goal = 3,
       .committed_goal = 5},
      {.name = "reads",
       .what = "a read at any node around an election and a proposal",
       .budget = Of({{Kind::kTimeout, 1}, {Kind::kPropose, 1}, {Kind::kRead, plus(1)}}),
       .sync_disk = true,
       .elected = true,
       .leaders_goal = 2,
       .committed_goal = 4},
  };
}

std::vector<Bounds> OfChangesOfTheGroup(Plus plus) {
  const ChangeMembership join{.id = RequestId(200), .node = NodeId(3), .goal = MembershipGoal::kVoter};
  const ChangeMembership leave{.id = RequestId(200), .node = NodeId(3), .goal = MembershipGoal::kAbsent};
  return {
      {.name = "join",
       .what = "a third node becomes a voter of two, around an election",
       .voters = 2,
       .budget = Of({{Kind::kTimeout, 1}, {Kind::kChange, 1}, {Kind::kHeartbeat, 1}, {Kind::kCrash, plus(0)}}),
       .sync_disk = true,
       .elected = true,
       .change = join,
       .leaders_goal = 2,
       .committed_goal = 5},
      {.name = "leave",
       .what = "a voter of three leaves, around an election",
       .budget = Of({{Kind::kTimeout, plus(1)}, {Kind::kChange, 1}, {Kind::kPropose, 1}}),
       .sync_disk = true,
       .elected = true,
       .change = leave,
       .leaders_goal = 2,
       .committed_goal = 5},
      {.name = "transfer",
       .what = "a leader hands over, around a proposal and another campaign",
       .term_max = 3,
       .budget = Of({{Kind::kTimeout, plus(0)}, {Kind::kTransfer, 1}, {Kind::kPropose, 1}, {Kind::kHeartbeat, 1}}),
       .sync_disk = true,
       .elected = true,
       .leaders_goal = 2,
       .committed_goal = 4},
      {.name = "snapshots",
       .what = "a log that is compacted, a lost packet, a state that is sent instead",
       .budget = Of({{Kind::kTimeout, plus(0)},
                     {Kind::kPropose, 2},
                     {Kind::kCompact, 1},
                     {Kind::kHeartbeat, 1},
                     {Kind::kLose, 1}}),
       .sync_disk = true,
       .elected = true,
       .leaders_goal = 1,
       .committed_goal = 4},
  };
}

}  // namespace

std::vector<Bounds> AllBounds(bool large) {
  const Plus plus = large ? OneMore : Plain;
  std::vector<Bounds> all = OfElectionsAndReplication(plus);
  for (Bounds& bounds : OfChangesOfTheGroup(plus)) all.push_back(std::move(bounds));
  return all;
}

Physics DefaultPhysics() {
  Physics physics;
  RaftOptions& options = physics.options;
  options.heartbeat_interval = Duration::Millis(1);
  options.election_timeout_min = Duration::Seconds(1'000'000);
  options.election_timeout_max = options.election_timeout_min + Duration::Micros(1);
  for (Duration* limit : {&options.promote_timeout, &options.change_wait_max, &options.farewell_timeout}) {
    *limit = Duration::Seconds(100'000'000);
  }
  options.append_entries_max = 2;
  options.inflight_max = 2;
  return physics;
}

}  // namespace metasrv::test
