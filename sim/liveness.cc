#include "sim/liveness.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "consensus/core.h"

namespace metasrv::sim {
namespace {

constexpr io::DrawKind kCore("healing.core");
constexpr io::DrawKind kKeepDiverged("healing.keep_diverged");
constexpr Duration kAskAgain = Duration::Millis(400);

bool IsIn(const std::vector<NodeId>& nodes, NodeId id) {
  return std::find(nodes.begin(), nodes.end(), id) != nodes.end();
}

}  // namespace

Liveness::Liveness(io::World& world, const RunOptions& options, Cluster& cluster, Judges& judges, Workload& workload,
                   Verdict& verdict, Probes& probes)
    : world_(world),
      options_(options),
      cluster_(cluster),
      judges_(judges),
      workload_(workload),
      verdict_(verdict),
      probes_(probes) {}

bool Liveness::IsQuorum(const std::vector<NodeId>& nodes) const {
  for (const Membership& membership : judges_.Memberships()) {
    const auto is_majority = [&](const NodeSet& voters) {
      const auto count = std::ranges::count_if(voters, [&](NodeId id) {
        return IsIn(nodes, id) && (!membership.IsVoter(id) || judges_.CountsNow(membership, id));
      });
      return 2 * static_cast<std::size_t>(count) > voters.size();
    };
    for (const NodeSet& voters : membership.configs) {
      if (!is_majority(voters)) return false;
      // Who has just caught up may be promoted before its silence is noticed.
      for (const NodeId id : membership.nodes) {
        if (membership.IsVoter(id) || cluster_.LearnsOnly(id)) continue;
        NodeSet promoted = voters;
        promoted.push_back(id);
        if (!is_majority(promoted)) return false;
      }
    }
  }
  return true;
}

// Nodes whose logs end so that neither is behind in both term and index: elections among them are the hardest.
std::set<NodeId> Liveness::Diverged() const {
  std::set<NodeId> diverged;
  const auto last_of = [&](NodeId id) {
    const DiskLedger* disk = judges_.DiskOf(id);
    const LogIndex end = disk == nullptr ? LogIndex(0) : disk->issued().end();
    if (end == LogIndex(0)) return LogId{};
    return LogId{disk->issued().TermAt(end.Prev()).value_or(Term(0)), id, end.Prev()};
  };
  for (const NodeId a : cluster_.ids()) {
    for (const NodeId b : cluster_.ids()) {
      if (last_of(a).term > last_of(b).term && last_of(a).index < last_of(b).index) diverged.insert({a, b});
    }
  }
  return diverged;
}

void Liveness::ChooseCore() {
  alive_ = cluster_.ids();
  const bool keep_diverged = world_.draws().ChanceAt(kKeepDiverged, 0, 0, 500'000);
  const std::set<NodeId> diverged = keep_diverged ? Diverged() : std::set<NodeId>();
  // Nodes leave in a drawn order as long as the rest is a majority of every voter set that any node believes in. Who is
  // being removed, or never became a member, goes first.
  std::vector<NodeId> order = alive_;
  const auto rank = [&](NodeId id) {
    return std::tuple(!cluster_.Leaving(id), cluster_.EverJoined(id), diverged.contains(id),
                      world_.draws().RawAt(kCore, io::ActorOf(id), 0), id);
  };
  std::sort(order.begin(), order.end(), [&](NodeId a, NodeId b) { return rank(a) < rank(b); });
  for (const NodeId id : order) {
    if (options_.healing_mode() == Healing::kAll) break;
    std::vector<NodeId> rest = alive_;
    std::erase(rest, id);
    if (!rest.empty() && IsQuorum(rest)) alive_ = rest;
  }
  core_ = alive_;
  std::erase_if(core_, [&](NodeId id) { return cluster_.Leaving(id); });
}

void Liveness::Heal() {
  ChooseCore();
  SilenceOthers();
  for (const NodeId id : alive_) cluster_.Start(id);
  constexpr std::array kProbeOf = {Probe::k_healed_all, Probe::k_healed_core_dead, Probe::k_healed_core_deaf,
                                   Probe::k_healed_core_mute};
  probes_.Hit(kProbeOf[options_.healing % kProbeOf.size()]);
}

void Liveness::SilenceOthers() {
  for (const NodeId id : cluster_.ids()) {
    if (std::find(alive_.begin(), alive_.end(), id) != alive_.end()) continue;
    switch (options_.healing_mode()) {
      case Healing::kCoreDeaf:
        cluster_.Start(id);
        cluster_.network().MakeDeaf(id);
        break;
      case Healing::kCoreMute:
        cluster_.Start(id);
        cluster_.network().MakeMute(id);
        break;
      case Healing::kAll:
      case Healing::kCoreDead:
      case Healing::kCount:
        cluster_.KeepDown(id);
        cluster_.Crash(id);
        break;
    }
  }
}

Duration Liveness::Patience() const {
  constexpr Duration kJoiningMax = Duration::Seconds(40);
  Duration patience = Duration::Millis(static_cast<std::int64_t>(options_.heal_ms));
  const bool joined = std::ranges::all_of(core_, [&](NodeId id) { return cluster_.EverJoined(id); });
  if (!joined) patience = patience + kJoiningMax;
  // Everybody but the leader may need the whole state, one after the other, and each of them twice.
  const std::uint64_t bytes = 2 * judges_.history().StateBytes() * cluster_.ids().size();
  if (options_.snapshot_rate_bytes == 0) return patience;
  return patience + Duration::Micros(static_cast<std::int64_t>(bytes * 1'000'000 / options_.snapshot_rate_bytes));
}

void Liveness::AskForService() {
  for (const NodeId id : core_) AskNode(id, 0);
}

void Liveness::AskNode(NodeId id, std::size_t attempt) {
  if (Done() || verdict_.failed()) return;
  const std::pair life(id, cluster_.Incarnation(id));
  if (cluster_.Running(id) && !served_writes_.contains(life)) {
    workload_.WriteOnce(id, [this, life] { served_writes_.insert(life); });
  }
  if (cluster_.Running(id) && !served_reads_.contains(life)) {
    workload_.ReadOnce(id, ReadPlan{.keys = {"k/0"}, .lists = {{}}}, [this, life] { served_reads_.insert(life); });
  }
  // The operator cleans up behind leaders that died while a node was joining that nobody can reach.
  if (options_.phantom_every_ms > 0 && cluster_.Running(id)) cluster_.RemovePhantom(id);
  world_.After(kAskAgain, [this, id, attempt] { AskNode(id, attempt + 1); });
}

std::string Liveness::Missing() const {
  const auto leader = cluster_.Leader();
  if (!leader) return "nobody leads";
  for (const NodeId id : core_) {
    const std::string name = Name(id);
    if (!cluster_.Running(id)) return name + " does not run";
    if (cluster_.Stopping(id)) return name + " is about to stop";
    const std::pair life(id, cluster_.Incarnation(id));
    if (!served_writes_.contains(life)) return name + " serves no write";
    if (!served_reads_.contains(life)) return name + " serves no read";
    if (options_.healing_mode() == Healing::kAll && !cluster_.EverJoined(id)) return name + " has not joined";
  }
  for (const NodeId id : core_) {
    if (judges_.Rotten(id)) return Name(id) + " still holds a damaged state";
  }
  const RaftCore& lead = cluster_.Find(*leader)->raft().core();
  if (lead.membership().current().IsJoint()) return "still joint";
  for (const NodeId id : lead.membership().current().nodes) {
    if (!Contains(cluster_.ids(), id)) return Name(id) + ", which does not exist, is still a member";
  }
  for (const NodeId id : cluster_.ids()) {
    if (cluster_.Left(id) && lead.membership().current().Contains(id)) return Name(id) + " is still a member";
  }
  for (const NodeId id : core_) {
    const RaftCore& core = cluster_.Find(id)->raft().core();
    if (!lead.membership().current().Contains(id)) continue;
    const bool agrees = core.log().last() == lead.log().last() && core.commit_end() == lead.log().end() &&
                        core.emitted_end() == core.commit_end();
    if (!agrees) return Name(id) + " does not agree with the leader";
  }
  return "";
}

bool Liveness::Done() const { return Missing().empty(); }

std::string Liveness::Leadership() const {
  const auto leader = cluster_.Leader();
  Term highest;
  for (const NodeId id : core_) {
    if (!cluster_.Running(id)) continue;
    highest = std::max(highest, cluster_.Find(id)->raft().core().hard_state().term);
  }
  return (leader ? Name(*leader) + " leads" : "nobody leads") + std::string(", highest term ") +
         std::to_string(highest.value());
}

void Liveness::BeginQuiet() { leadership_ = Leadership(); }

void Liveness::EndQuiet() {
  if (const std::string now = Leadership(); now != leadership_) {
    verdict_.NotLive(kSettled,
                     "first: " + leadership_ + "; then: " + now + "; healing: " + ToString(options_.healing_mode()));
  }
}

void Liveness::ReportMissing() {
  const std::string missing = Missing();
  if (missing.empty()) return;
  std::string who;
  for (const NodeId id : core_) who += " " + std::to_string(id.value());
  verdict_.NotLive(kConverges, missing + "; survivors:" + who + "; healing: " + ToString(options_.healing_mode()));
}

std::uint64_t Liveness::QuietMessagesMax() const {
  const std::uint64_t nodes = cluster_.ids().size();
  const std::uint64_t beats = 1000 / options_.heartbeat_ms + 1;
  return 4 * nodes * nodes * beats + 200;
}

}  // namespace metasrv::sim
