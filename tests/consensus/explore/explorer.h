#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "tests/consensus/explore/digest_set.h"
#include "tests/consensus/explore/space.h"

namespace metasrv::test {

inline constexpr std::size_t kEventKinds = static_cast<std::size_t>(Event::Kind::kLose) + 1;
inline constexpr std::size_t kTwice = kEventKinds;      // budget: packets that arrive once more
inline constexpr std::size_t kEarly = kEventKinds + 1;  // budget: packets that overtake others of their channel
using Budget = std::array<std::uint8_t, kEventKinds + 2>;
inline constexpr std::size_t kNodesMax = 4;

// How far a search goes; everything within the bounds is visited, in every order. Packets between two nodes arrive in
// the order of sending unless the budget lets one overtake; any of them may be late for ever, with all behind it, at no
// cost (a broken connection); losing one alone costs.
struct Bounds {
  const char* name;
  const char* what;
  std::size_t nodes = 3;
  std::size_t voters = 3;  // the first ones; the others have an empty disk
  std::uint64_t term_max = 2;
  Budget budget{};  // how often each kind of event happens in one run; kReceive and kPersist have no limit
  bool sync_disk = false;
  bool elected = false;    // starts with node 1 leading term 1 and everything delivered
  bool symmetric = false;  // nodes are alike at the start: the first timeout is at node 1
  std::optional<ChangeMembership> change;
  // What the search must come across, or it proves little.
  std::size_t leaders_goal = 0;    // terms with a leader, in one run
  std::size_t committed_goal = 0;  // entries committed, in one run
};

// One step of a run.
struct Action {
  Event event;
  std::uint32_t node = 0;  // where, from 0
  enum class Way : std::uint8_t { kInTurn, kTwice, kEarly };
  Way way = Way::kInTurn;  // kReceive: how the packet arrives; kTwice: once more later
};

struct Report {
  std::size_t states = 0;
  std::size_t transitions = 0;
  std::size_t depth = 0;  // steps of the longest of the shortest ways to a state
  std::size_t leaders = 0;
  std::size_t committed = 0;
  bool complete = false;  // false: stopped at the limit of states, or at a violation
  std::optional<std::string> violation;
  std::vector<std::string> trace;  // how to get there: the shortest run, readable
};

// Visits every global state that a small cluster of production nodes can reach within bounds, nearest first, and judges
// each. The states visited are remembered by a 128-bit digest.
class Explorer {
 public:
  Explorer(const Bounds& bounds, Physics physics);

  // `states_max`: gives up beyond that many states.
  [[nodiscard]] Report Run(std::size_t states_max);

  // The run up to the step that is being taken, for the report of a failed CHECK.
  [[nodiscard]] std::vector<std::string> TraceOfCurrentStep();
  [[nodiscard]] const Space& space() const { return space_; }

 private:
  struct State {
    std::array<NodeIx, kNodesMax> nodes{};
    std::uint32_t history = 0;
    Budget budget{};
    std::vector<PacketIx> network;  // by channel; within one in the order of sending
  };

  [[nodiscard]] State Start();
  void Settle(State& state);
  [[nodiscard]] std::vector<Action> ActionsAt(const State& state) const;
  void AddArrivals(const State& state, std::vector<Action>& actions) const;
  void AddEvents(const State& state, std::uint32_t at, std::vector<Action>& actions) const;
  // False: the action is not possible. `violation`: the property that it broke.
  [[nodiscard]] bool Take(State& state, const Action& action, std::optional<std::string>& violation);
  void Expand(const State& state, std::uint32_t ordinal);
  void Spend(State& state, const Action& action) const;
  void Send(State& state, PacketIx packet) const;
  void Remove(State& state, PacketIx packet) const;
  [[nodiscard]] std::uint64_t Channel(PacketIx packet) const;
  void DropDead(State& state, std::uint32_t at) const;
  [[nodiscard]] std::optional<std::string> JudgeStep(State& state, std::uint32_t at, const Node& before,
                                                     const Effect& effect);
  void KeepHistory(State& state, History history);
  [[nodiscard]] bool Visit(const State& state, std::uint32_t parent, const Action& action);
  [[nodiscard]] std::vector<std::string> Trace(std::uint32_t parent, const Action& last);
  [[nodiscard]] std::string Line(const State& before, const Action& action, const State& after) const;

  static void Pack(const State& state, std::vector<std::uint32_t>& words);
  [[nodiscard]] static State Unpack(const std::uint32_t* words);
  [[nodiscard]] static std::uint32_t Pack(const Action& action);
  [[nodiscard]] static Action Unpack(std::uint32_t word);

  Bounds bounds_;
  Space space_;
  Interned<History> histories_;
  std::unordered_set<std::uint64_t> judged_;  // history, node state
  DigestSet visited_;
  std::vector<std::uint32_t> parents_;  // by number of the state, in the order of discovery
  std::vector<std::uint32_t> actions_;
  std::vector<std::uint32_t> frontier_;  // packed states of the present depth
  std::vector<std::uint32_t> next_;
  State start_;
  std::uint32_t current_parent_ = 0;
  Action current_;
  Report report_;
};

}  // namespace metasrv::test
