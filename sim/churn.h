#pragma once

#include <vector>

#include "io/sim/draws.h"
#include "sim/cluster.h"
#include "sim/probes.h"

namespace metasrv::sim {

// An operator who shrinks the cluster to one member and grows it to all again, over and over, one or two nodes at a
// time, and who now and then lets a node join that nobody can reach (operations.md §2.2, §2.6). What it asks for may
// fail; it goes on with what there is.
class Churn {
 public:
  // Everything borrowed outlives it.
  Churn(io::World& world, Cluster& cluster, Probes& probes);

  // One action, at a drawn place.
  void Step();
  // Asks some node to let a node join that does not exist.
  void JoinPhantom();

 private:
  [[nodiscard]] std::vector<NodeId> Members() const;
  void Shrink(const std::vector<NodeId>& members);
  void Grow();
  [[nodiscard]] std::uint64_t Draw(const io::DrawKind& kind, std::uint64_t low, std::uint64_t high);

  io::World& world_;
  Cluster& cluster_;
  Probes& probes_;
  bool grows_ = false;
};

}  // namespace metasrv::sim
