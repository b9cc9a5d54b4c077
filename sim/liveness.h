#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/cluster.h"
#include "sim/judges.h"
#include "sim/options.h"
#include "sim/verdict.h"
#include "sim/workload.h"

namespace metasrv::sim {

inline constexpr Property kConverges = {"the survivors recover",
                                        "When the faults end, a connected majority elects a leader, serves writes and "
                                        "reads at each of its nodes and agrees, within a "
                                        "bounded time, whatever the others are.",
                                        "design.md, Simulator; simulation.md §3a"};

inline constexpr Property kQuiet = {"no storm", "A healthy cluster without clients sends a bounded number of messages.",
                                    "simulation.md §3a"};

inline constexpr Property kSettled = {"a healthy cluster keeps its leader",
                                      "Once the survivors have recovered and nobody asks anything, neither their "
                                      "leader nor their term changes, whatever the others try.",
                                      "Ongaro's thesis, §4.2.3 and §9.6"};

// Phase two of a run: chooses who lives on, ends the faults for them, and then wants service and agreement.
class Liveness {
 public:
  // Everything borrowed outlives it.
  Liveness(io::World& world, const RunOptions& options, Cluster& cluster, Judges& judges, Workload& workload,
           Verdict& verdict, Probes& probes);

  // Heals as the options say. Requires: the nemesis has ended its faults.
  void Heal();
  // How long recovery may take. Requires: Heal() was called.
  [[nodiscard]] Duration Patience() const;
  // Asks for service; then Done tells whether all of it came.
  void AskForService();
  [[nodiscard]] bool Done() const;
  // Fails the run for what is missing.
  void ReportMissing();

  // Remembers who leads, then fails the run if that changed in between.
  void BeginQuiet();
  void EndQuiet();

  // The nodes that have to live on.
  [[nodiscard]] const std::vector<NodeId>& core() const { return core_; }
  // The most messages that a healthy cluster may send in a second without clients.
  [[nodiscard]] std::uint64_t QuietMessagesMax() const;

 private:
  void ChooseCore();
  [[nodiscard]] bool IsQuorum(const std::vector<NodeId>& nodes) const;
  void SilenceOthers();
  void AskNode(NodeId node, std::size_t attempt);
  [[nodiscard]] std::string Missing() const;
  [[nodiscard]] std::set<NodeId> Diverged() const;
  // Who leads, and the highest term among the survivors, for people.
  [[nodiscard]] std::string Leadership() const;

  io::World& world_;
  const RunOptions& options_;
  Cluster& cluster_;
  Judges& judges_;
  Workload& workload_;
  Verdict& verdict_;
  Probes& probes_;
  std::vector<NodeId> alive_;                                 // run and are connected
  std::vector<NodeId> core_;                                  // of these, the ones that have to serve
  std::string leadership_;                                    // when the quiet time began
  std::set<std::pair<NodeId, std::uint32_t>> served_writes_;  // by life: who starts again has to prove it again
  std::set<std::pair<NodeId, std::uint32_t>> served_reads_;
};

}  // namespace metasrv::sim
