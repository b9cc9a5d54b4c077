#include "tests/consensus/explore/explorer.h"

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace metasrv::test {
namespace {

using Kind = Event::Kind;

std::size_t At(Kind kind) { return static_cast<std::size_t>(kind); }

bool Leads(const Node& node) { return std::holds_alternative<Leader>(node.raft.core().role()); }

// A response to a term that its receiver can never be in again changes nothing, ever.
bool IsDead(const Packet& packet, Term durable) {
  const auto* message = std::get_if<Message>(&packet.content);
  if (message == nullptr) return false;
  const Term term = TermOf(*message);
  if (const auto* vote = std::get_if<VoteResponse>(message)) {
    return vote->pre_vote && vote->granted ? term <= durable : term < durable;
  }
  return std::holds_alternative<AppendResponse>(*message) && term < durable;
}

Digest DigestOf(const std::uint32_t* words, std::size_t count) {
  StateDigest digest;
  for (std::size_t i = 0; i + 1 < count; i += 2) {
    digest.Add(static_cast<std::uint64_t>(words[i]) << 32 | words[i + 1]);
  }
  if (count % 2 == 1) digest.Add(words[count - 1]);
  digest.Add(count);
  return digest.value();
}

}  // namespace

Explorer::Explorer(const Bounds& bounds, Physics physics)
    : bounds_(bounds), space_((physics.sync_disk = bounds.sync_disk, physics), bounds.change) {
  CHECK_LE(bounds_.nodes, kNodesMax);
}

Explorer::State Explorer::Start() {
  State state;
  NodeSet voters;
  for (std::size_t i = 0; i < bounds_.voters; ++i) voters.push_back(NodeId(i + 1));
  const Entry first = Entry::OfMembership({Term(0), NodeId(1), LogIndex(0)}, UniformMembership(voters));
  for (std::size_t i = 0; i < bounds_.nodes; ++i) {
    std::vector<Entry> log;
    if (i < bounds_.voters) log.push_back(first);
    state.nodes[i] = space_.Boot(NodeId(i + 1), std::move(log));
  }
  state.history = histories_.Add(History().digest(), History()).first;
  state.budget = bounds_.budget;
  if (bounds_.elected) Settle(state);
  return state;
}

// Node 1 is elected and its first entry replicated everywhere.
void Explorer::Settle(State& state) {
  const auto budget = state.budget;
  state.budget.fill(1);
  std::vector<Action> actions = {{.event = {Kind::kTimeout}, .node = 0}};
  for (bool heartbeat_done = false; !actions.empty();) {
    std::optional<std::string> broken;
    const Action action = actions.front();
    if (!Take(state, action, broken)) CHECK(action.event.kind == Kind::kPersist);
    CHECK(!broken.has_value());
    actions.clear();
    for (std::uint32_t at = 0; at < bounds_.nodes; ++at) {
      if (!space_.node(state.nodes[at]).disk.in_flight.empty())
        actions.push_back({.event = {Kind::kPersist}, .node = at});
    }
    if (actions.empty() && !state.network.empty()) {
      const PacketIx first = state.network.front();
      const auto to = static_cast<std::uint32_t>(space_.packet(first).to.value() - 1);
      actions.push_back({.event = {Kind::kReceive, first}, .node = to});
    }
    if (actions.empty() && !heartbeat_done) {
      heartbeat_done = true;
      actions.push_back({.event = {Kind::kHeartbeat}, .node = 0});
    }
  }
  state.budget = budget;
}

void Explorer::AddEvents(const State& state, std::uint32_t at, std::vector<Action>& actions) const {
  const Node& node = space_.node(state.nodes[at]);
  const auto add = [&](Kind kind, std::uint32_t argument = 0) {
    actions.push_back({.event = {kind, argument}, .node = at});
  };
  const auto left = [&](Kind kind) { return state.budget[At(kind)] > 0; };
  const auto number = [&](Kind kind) {
    return static_cast<std::uint32_t>(bounds_.budget[At(kind)] - state.budget[At(kind)]) + 1;
  };
  if (!node.disk.in_flight.empty()) add(Kind::kPersist);
  if (left(Kind::kCrash)) add(Kind::kCrash);
  if (left(Kind::kCompact)) add(Kind::kCompact);
  if (left(Kind::kRead)) add(Kind::kRead, 100 + number(Kind::kRead));
  if (Leads(node)) {
    for (Kind kind : {Kind::kHeartbeat, Kind::kStall, Kind::kChange}) {
      if (left(kind)) add(kind);
    }
    for (std::uint32_t to = 1; left(Kind::kTransfer) && to <= bounds_.nodes; ++to) {
      if (to != at + 1) add(Kind::kTransfer, to);
    }
    if (left(Kind::kPropose)) add(Kind::kPropose, number(Kind::kPropose));
  } else if (left(Kind::kTimeout) && node.raft.core().hard_state().term < Term(bounds_.term_max)) {
    const bool is_first = state.budget[At(Kind::kTimeout)] == bounds_.budget[At(Kind::kTimeout)];
    if (!bounds_.symmetric || !is_first || at == 0) add(Kind::kTimeout);
  }
}

std::uint64_t Explorer::Channel(PacketIx packet) const {
  const Packet& p = space_.packet(packet);
  return p.from.value() << 8 | p.to.value();
}

void Explorer::Send(State& state, PacketIx packet) const {
  const auto behind = std::find_if(state.network.begin(), state.network.end(),
                                   [&](PacketIx other) { return Channel(other) > Channel(packet); });
  state.network.insert(behind, packet);
}

void Explorer::Remove(State& state, PacketIx packet) const {
  state.network.erase(std::find(state.network.begin(), state.network.end(), packet));
}

void Explorer::AddArrivals(const State& state, std::vector<Action>& actions) const {
  for (std::size_t i = 0; i < state.network.size(); ++i) {
    const PacketIx packet = state.network[i];
    const auto to = static_cast<std::uint32_t>(space_.packet(packet).to.value() - 1);
    const auto add = [&](Kind kind, Action::Way way) {
      actions.push_back({.event = {kind, packet}, .node = to, .way = way});
    };
    const bool in_turn = i == 0 || Channel(state.network[i - 1]) != Channel(packet);
    if (in_turn) {
      add(Kind::kReceive, Action::Way::kInTurn);
    } else if (state.budget[kEarly] > 0) {
      add(Kind::kReceive, Action::Way::kEarly);
    }
    if (in_turn && state.budget[kTwice] > 0) add(Kind::kReceive, Action::Way::kTwice);
    if (in_turn && state.budget[At(Kind::kLose)] > 0) add(Kind::kLose, Action::Way::kInTurn);
  }
}

std::vector<Action> Explorer::ActionsAt(const State& state) const {
  std::vector<Action> actions;
  for (std::uint32_t at = 0; at < bounds_.nodes; ++at) AddEvents(state, at, actions);
  AddArrivals(state, actions);
  return actions;
}

void Explorer::Spend(State& state, const Action& action) const {
  const Kind kind = action.event.kind;
  if (action.way == Action::Way::kTwice) --state.budget[kTwice];
  if (action.way == Action::Way::kEarly) --state.budget[kEarly];
  if (kind == Kind::kReceive || kind == Kind::kLose) {
    if (action.way != Action::Way::kTwice) Remove(state, action.event.argument);
  }
  if (kind != Kind::kReceive && kind != Kind::kPersist) --state.budget[At(kind)];
}

bool Explorer::Take(State& state, const Action& action, std::optional<std::string>& violation) {
  if (action.event.kind == Kind::kLose) {
    Spend(state, action);
    return true;
  }
  const Outcome* outcome = space_.Step(state.nodes[action.node], action.event);
  if (outcome == nullptr) return false;
  Spend(state, action);
  if (action.event.kind == Kind::kRead) {
    History history = histories_[state.history];
    history.reads[RequestId(action.event.argument)] = LogIndex(history.committed.size());
    KeepHistory(state, std::move(history));
  }
  const Node& before = space_.node(state.nodes[action.node]);
  state.nodes[action.node] = outcome->next;
  for (PacketIx sent : outcome->sent) Send(state, sent);
  for (std::uint32_t at = 0; at < bounds_.nodes; ++at) DropDead(state, at);
  violation = JudgeStep(state, action.node, before, outcome->effect);
  return true;
}

void Explorer::DropDead(State& state, std::uint32_t at) const {
  const NodeId id(at + 1);
  const Term durable = space_.node(state.nodes[at]).disk.hard_state.term;
  std::erase_if(state.network, [&](PacketIx ix) {
    const Packet& packet = space_.packet(ix);
    return packet.to == id && IsDead(packet, durable);
  });
}

std::optional<std::string> Explorer::JudgeStep(State& state, std::uint32_t at, const Node& before,
                                               const Effect& effect) {
  View view;
  for (std::uint32_t i = 0; i < bounds_.nodes; ++i) view.push_back(&space_.node(state.nodes[i]));
  std::optional<History> grown;
  if (auto broken = Judge(histories_[state.history], view, at, before, effect, grown)) return broken;
  if (grown) KeepHistory(state, std::move(*grown));
  for (std::uint32_t i = 0; i < bounds_.nodes; ++i) {
    if (i != at && !space_.LogsMatch(state.nodes[at], state.nodes[i])) return "log matching";
    // Judged once for each pair of history and node state.
    if (!judged_.insert(std::uint64_t{state.history} << 32 | state.nodes[i]).second) continue;
    if (auto broken = JudgeNode(histories_[state.history], *view[i])) return broken;
  }
  return std::nullopt;
}

void Explorer::KeepHistory(State& state, History history) {
  report_.leaders = std::max(report_.leaders, history.leaders.size());
  report_.committed = std::max(report_.committed, history.committed.size());
  const Digest digest = history.digest();
  state.history = histories_.Add(digest, std::move(history)).first;
}

bool Explorer::Visit(const State& state, std::uint32_t parent, const Action& action) {
  const std::size_t begin = next_.size();
  Pack(state, next_);
  if (!visited_.Insert(DigestOf(&next_[begin], next_.size() - begin))) {
    next_.resize(begin);
    return false;
  }
  parents_.push_back(parent);
  actions_.push_back(Pack(action));
  return true;
}

void Explorer::Expand(const State& state, std::uint32_t ordinal) {
  for (const Action& action : ActionsAt(state)) {
    State after = state;
    current_parent_ = ordinal;
    current_ = action;
    std::optional<std::string> violation;
    if (!Take(after, action, violation)) continue;
    ++report_.transitions;
    if (violation) {
      report_.violation = violation;
      report_.trace = Trace(ordinal, action);
      return;
    }
    (void)Visit(after, ordinal, action);
  }
}

Report Explorer::Run(std::size_t states_max) {
  start_ = Start();
  CHECK(Visit(start_, 0, {}));
  std::uint32_t ordinal = 0;
  while (!next_.empty() && !report_.violation && visited_.size() <= states_max) {
    frontier_ = std::exchange(next_, {});
    ++report_.depth;
    for (std::size_t at = 0; at < frontier_.size() && !report_.violation; at += frontier_[at]) {
      Expand(Unpack(&frontier_[at]), ordinal++);
    }
  }
  report_.states = visited_.size();
  report_.complete = next_.empty() && !report_.violation;
  return report_;
}

// Layout: length, nodes, history, budget, packets.
void Explorer::Pack(const State& state, std::vector<std::uint32_t>& words) {
  const std::size_t begin = words.size();
  words.push_back(0);
  words.insert(words.end(), state.nodes.begin(), state.nodes.end());
  words.push_back(state.history);
  for (std::size_t i = 0; i < state.budget.size(); i += 4) {
    std::uint32_t word = 0;
    for (std::size_t j = i; j < std::min(i + 4, state.budget.size()); ++j) word = word << 8 | state.budget[j];
    words.push_back(word);
  }
  words.insert(words.end(), state.network.begin(), state.network.end());
  words[begin] = static_cast<std::uint32_t>(words.size() - begin);
}

Explorer::State Explorer::Unpack(const std::uint32_t* words) {
  const std::uint32_t* at = words + 1;
  State state;
  for (NodeIx& node : state.nodes) node = *at++;
  state.history = *at++;
  for (std::size_t i = 0; i < state.budget.size(); i += 4, ++at) {
    const std::size_t end = std::min(i + 4, state.budget.size());
    for (std::size_t j = i; j < end; ++j) state.budget[j] = static_cast<std::uint8_t>(*at >> (8 * (end - 1 - j)));
  }
  state.network.assign(at, words + words[0]);
  return state;
}

std::uint32_t Explorer::Pack(const Action& action) {
  CHECK_LT(action.event.argument, 1U << 24);
  return static_cast<std::uint32_t>(action.event.kind) << 28 | action.node << 26 |
         static_cast<std::uint32_t>(action.way) << 24 | action.event.argument;
}

Action Explorer::Unpack(std::uint32_t word) {
  return {.event = {static_cast<Kind>(word >> 28), word & 0xffffff},
          .node = word >> 26 & 3,
          .way = static_cast<Action::Way>(word >> 24 & 3)};
}

}  // namespace metasrv::test
