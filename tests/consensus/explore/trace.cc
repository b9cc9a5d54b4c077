// Counterexamples as text: one line per step, and what it changed at its node.
#include <algorithm>

#include "consensus/print.h"
#include "tests/consensus/explore/explorer.h"

namespace metasrv::test {
namespace {

std::string Status(const Node& node) {
  const RaftCore& core = node.raft.core();
  static constexpr const char* kRoles[] = {"follower", "pre-candidate", "candidate", "leader"};
  std::string text =
      std::string(kRoles[core.role().index()]) + " term=" + std::to_string(core.hard_state().term.value()) + " log=[";
  if (core.log().purged()) text += "purged " + Print(core.log().purged()) + " ";
  for (const Entry& entry : core.log().Slice(core.log().begin(), SIZE_MAX, SIZE_MAX))
    text += Print(std::optional(entry.id)) + " ";
  if (text.back() == ' ') text.pop_back();
  text += "] commit=" + std::to_string(core.commit_end().value()) +
          " durable=" + std::to_string(core.durable_end().value());
  if (!node.disk.in_flight.empty()) text += " writes=" + std::to_string(node.disk.in_flight.size());
  return text;
}

const char* Suffix(Action::Way way) {
  switch (way) {
    case Action::Way::kInTurn: return "";
    case Action::Way::kTwice: return " (and will again)";
    case Action::Way::kEarly: return " (overtaking others)";
  }
  return "";
}

std::string What(const Space& space, const Action& action) {
  switch (action.event.kind) {
    case Event::Kind::kReceive: return "receives " + Print(space.packet(action.event.argument)) + Suffix(action.way);
    case Event::Kind::kPersist: return "its oldest write is durable";
    case Event::Kind::kTimeout: return "election timeout";
    case Event::Kind::kHeartbeat: return "heartbeat is due";
    case Event::Kind::kStall: return "hears of nobody for long";
    case Event::Kind::kPropose: return "is asked to write " + std::to_string(action.event.argument);
    case Event::Kind::kRead: return "is asked to read, " + std::to_string(action.event.argument);
    case Event::Kind::kChange: return "is asked to change the membership";
    case Event::Kind::kTransfer: return "is asked to hand over to " + std::to_string(action.event.argument);
    case Event::Kind::kCompact: return "flushes its state and compacts its log";
    case Event::Kind::kCrash: return "crashes and restarts";
    case Event::Kind::kLose: return "never receives " + Print(space.packet(action.event.argument));
  }
  return "";
}

}  // namespace

std::string Explorer::Line(const State& before, const Action& action, const State& after) const {
  std::string line = "node " + std::to_string(action.node + 1) + " " + What(space_, action);
  const std::string now = Status(space_.node(after.nodes[action.node]));
  if (now != Status(space_.node(before.nodes[action.node]))) line += "\n      -> " + now;
  return line;
}

std::vector<std::string> Explorer::Trace(std::uint32_t parent, const Action& last) {
  std::vector<Action> path = {last};
  for (std::uint32_t at = parent; at != 0; at = parents_[at]) path.push_back(Unpack(actions_[at]));
  std::reverse(path.begin(), path.end());
  std::vector<std::string> lines;
  State state = start_;
  for (std::uint32_t i = 0; i < bounds_.nodes; ++i) {
    lines.push_back("node " + std::to_string(i + 1) + " starts: " + Status(space_.node(state.nodes[i])));
  }
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    const State before = state;
    std::optional<std::string> ignored;
    (void)Take(state, path[i], ignored);
    lines.push_back(Line(before, path[i], state));
  }
  lines.push_back("node " + std::to_string(last.node + 1) + " " + What(space_, last) + "   <== breaks it");
  return lines;
}

std::vector<std::string> Explorer::TraceOfCurrentStep() { return Trace(current_parent_, current_); }

}  // namespace metasrv::test
