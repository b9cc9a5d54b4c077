#include "sim/churn.h"

#include <algorithm>

namespace metasrv::sim {
namespace {

constexpr io::DrawKind kVictim("churn.victim");
constexpr io::DrawKind kVia("churn.via");
constexpr io::DrawKind kCount("churn.count");
constexpr io::DrawActor kOperator = 0;

}  // namespace

Churn::Churn(io::World& world, Cluster& cluster, Probes& probes) : world_(world), cluster_(cluster), probes_(probes) {}

std::uint64_t Churn::Draw(const io::DrawKind& kind, std::uint64_t low, std::uint64_t high) {
  return world_.draws().Between(kind, kOperator, low, high);
}

std::vector<NodeId> Churn::Members() const {
  std::vector<NodeId> members = cluster_.ids();
  std::erase_if(members,
                [&](NodeId id) { return cluster_.Leaving(id) || !cluster_.EverJoined(id) || cluster_.LearnsOnly(id); });
  return members;
}

void Churn::Step() {
  if (cluster_.ids().size() < 3) return;  // nothing to shrink and grow
  for (std::uint64_t left = Draw(kCount, 1, 2); left > 0; --left) {
    const std::vector<NodeId> members = Members();
    if (members.size() == 1 && !grows_) {
      grows_ = true;
      probes_.Hit(Probe::k_churn_to_one);
    }
    if (grows_) {
      Grow();
    } else {
      Shrink(members);
    }
  }
}

// The leader does not remove itself for an operator, who therefore picks somebody else or learns it from the refusal.
void Churn::Shrink(const std::vector<NodeId>& members) {
  if (members.size() < 2) return;
  const NodeId leaving = members[Draw(kVictim, 0, members.size() - 1)];
  const NodeId via = members[Draw(kVia, 0, members.size() - 1)];
  if (cluster_.Ready(leaving) && cluster_.Running(via)) cluster_.Leave(leaving, via);
}

void Churn::Grow() {
  const auto& ids = cluster_.ids();
  if (std::none_of(ids.begin(), ids.end(), [&](NodeId id) { return cluster_.Leaving(id); })) {
    grows_ = false;
    probes_.Hit(Probe::k_churn_to_all);
    return;
  }
  const auto back = std::find_if(ids.begin(), ids.end(), [&](NodeId id) { return cluster_.Left(id); });
  if (back != ids.end()) cluster_.Rejoin(*back);
}

void Churn::JoinPhantom() {
  const auto& ids = cluster_.ids();
  const NodeId via = ids[Draw(kVia, 0, ids.size() - 1)];
  if (cluster_.Ready(via)) cluster_.JoinPhantom(via);
}

}  // namespace metasrv::sim
