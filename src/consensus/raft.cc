#include "consensus/raft.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "consensus/core.h"

namespace metasrv {

bool RaftOptions::Validate() const {
  return heartbeat_interval > Duration() && election_timeout_min > heartbeat_interval &&
         election_timeout_max > election_timeout_min && append_entries_max > 0 && inflight_max > 0 &&
         inflight_bytes_max > 0 && LeaseSpan() > Duration() && promote_rounds_max > 0 && changes_max > 0;
}

Duration RaftOptions::LeaseSpan() const {
  const Duration drift = Duration::Micros(election_timeout_min.micros() * 2 * clock_drift_bound_ppm / 1'000'000);
  return election_timeout_min - drift - election_timeout_min / 20;
}

Duration RaftOptions::ClockTolerance() const {
  constexpr Duration kWallResolution = Duration::Millis(1);
  return std::max(election_timeout_min / 40 - kWallResolution, kWallResolution);
}

const char* ToString(RoleName role) {
  switch (role) {
    case RoleName::kLearner: return "Learner";
    case RoleName::kFollower: return "Follower";
    case RoleName::kCandidate: return "Candidate";
    case RoleName::kLeader: return "Leader";
  }
  return "?";
}

Raft::Raft(const RaftOptions& options, Recovered recovered, Instant now, Prng prng)
    : core_(std::make_unique<RaftCore>(options, std::move(recovered), now, prng)) {}
Raft::~Raft() = default;
Raft::Raft(const Raft& other) : core_(std::make_unique<RaftCore>(*other.core_)) {}
Raft& Raft::operator=(const Raft& other) {
  if (this != &other) core_ = std::make_unique<RaftCore>(*other.core_);
  return *this;
}
Raft::Raft(Raft&&) noexcept = default;
Raft& Raft::operator=(Raft&&) noexcept = default;

Output Raft::Step(Instant now, Input input) { return core_->Step(now, std::move(input)); }

Instant Raft::next_deadline() const { return core_->next_deadline(); }

RaftStatus Raft::status() const { return core_->status(); }

std::optional<Term> Raft::TermAt(LogIndex index) const {
  auto id = core_->log().IdAt(index);
  return id ? std::optional(id->term) : std::nullopt;
}

namespace {

RoleName NameOf(const Role& role, bool is_voter) {
  if (std::holds_alternative<Leader>(role)) return RoleName::kLeader;  // also one that removes itself
  if (!is_voter) return RoleName::kLearner;
  return std::holds_alternative<Follower>(role) ? RoleName::kFollower : RoleName::kCandidate;
}

}  // namespace

RaftStatus RaftCore::status() const {
  RaftStatus status;
  status.id = options_.id;
  status.hard_state = hard_state_;
  status.purged = log_.purged();
  status.last = log_.last();
  status.commit_end = commit_end_;
  status.durable_end = durability_.durable_end();
  status.commit_id = log_.IdBefore(commit_end_);
  status.membership = membership_.current();
  status.membership_id = membership_.current_id();
  status.role = NameOf(role_, status.membership.IsVoter(options_.id));
  if (const auto* follower = std::get_if<Follower>(&role_)) status.leader = follower->leader;
  if (const auto* leader = std::get_if<Leader>(&role_)) {
    status.leader = options_.id;
    status.replication[options_.id] = log_.IdBefore(durability_.durable_end());
    for (const auto& [id, progress] : leader->tracker.peers()) {
      if (!leader->tracker.IsGone(id)) status.replication[id] = log_.IdBefore(progress.match_end());
    }
    for (const auto& [id, matched] : status.replication) {
      if (leader->tracker.Heard(id, now_ - options_.heartbeat_interval * 2)) status.reachable.push_back(id);
    }
  }
  return status;
}

}  // namespace metasrv
