#include "sim/watchers.h"

#include <utility>

#include "common/check.h"
#include "common/prng.h"

namespace metasrv::sim {
namespace {

constexpr io::DrawKind kPause("watch.pause");
constexpr io::DrawKind kPlan("watch.plan");
constexpr io::DrawKind kPace("watch.pace");
constexpr Duration kOpenMax = Duration::Millis(500);  // then another node is tried
constexpr Duration kSlowPaceMax = Duration::Millis(400);

node::KeyRange DrawRange(Prng& prng, std::uint64_t keys) {
  const auto key = [&] { return "k/" + std::to_string(prng.Below(keys)); };
  switch (prng.Below(6)) {
    case 0: return {"", "\x7f"};
    case 1: return {"k/", "k0"};
    case 2: {
      std::string begin = key();
      std::string end = key();
      if (begin > end) std::swap(begin, end);
      return {std::move(begin), end + "~"};
    }
    default: {
      const std::string only = key();
      return {only, only + '\0'};
    }
  }
}

}  // namespace

struct WatchClients::Plan {
  NodeId node;
  std::uint32_t incarnation = 0;
  node::WatchSpec spec;
  bool flush = false;
  bool slow = false;
  bool after_write = false;  // begins in the answer to a write
};

// One watch: what the node pushes into, and the client that takes it out.
class WatchClients::Session final : public node::Watcher, public std::enable_shared_from_this<Session> {
 public:
  Session(WatchClients& owner, std::size_t client, const Plan& plan) : owner_(owner), client_(client), plan_(plan) {}

  [[nodiscard]] const Plan& plan() const { return plan_; }
  [[nodiscard]] const std::optional<node::WatchId>& id() const { return id_; }
  [[nodiscard]] const std::optional<node::WatchEnd>& end() const { return queue_.end(); }
  [[nodiscard]] bool ended_gracefully() const { return queue_.end() && graceful_; }

  // Requires: the watch has begun, and nothing was pushed yet.
  void Start(node::WatchStart start, std::string who) {
    id_ = start.id;
    queue_.SetLimit(start.buffer_bytes);
    WatchPlan judged;
    judged.who = std::move(who);
    judged.begin = plan_.spec.range.begin;
    judged.end = plan_.spec.range.end;
    judged.filter = plan_.spec.filter;
    judged.flush = plan_.flush;
    judged.start = start.applied_end;
    judge_.emplace(std::move(judged), owner_.judges_.history(), owner_.verdict_);
    if (!plan_.flush) return;
    flush_.emplace(std::move(start.state), plan_.spec.range);
    TakeSoon();
  }

  // node::Watcher
  [[nodiscard]] bool Push(const node::SharedWatchMessage& message) override {
    if (dropped_) return true;
    if (flush_) owner_.probes_.Hit(Probe::k_watch_flush_overtaken);
    if (!queue_.Push(message)) return false;
    TakeSoon();
    return true;
  }
  void End(node::WatchEnd reason) override {
    if (dropped_) return;
    queue_.End(reason);
    // A node that dies ends its watches as one that stops, and nobody is there to hear it.
    graceful_ = reason != node::WatchEnd::kStopped || owner_.cluster_.Running(plan_.node);
    TakeSoon();
  }
  [[nodiscard]] std::size_t backlog() const override { return queue_.bytes(); }

  // The client has gone.
  void Drop() { dropped_ = true; }
  // Nothing is on its way to the client.
  void JudgeDrained() {
    if (dropped_ || untrusted_ || flush_ || !queue_.empty() || queue_.end() || !owner_.cluster_.Running(plan_.node))
      return;
    if (!Trusted()) return;
    owner_.probes_.Hit(Probe::k_watch_drained);
    judge_->OnDrained(owner_.cluster_.ReadableEnd(plan_.node));
  }

 private:
  void TakeSoon() {
    if (std::exchange(taking_, true)) return;
    Duration pace;
    if (plan_.slow) {
      pace = owner_.world_.draws().BetweenAt(kPace, client_, takes_++, Duration::Millis(1), kSlowPaceMax);
    }
    owner_.world_.After(pace, [self = shared_from_this()] {
      self->taking_ = false;
      self->Take();
    });
  }

  // A slow client takes one message, others what there is.
  void Take() {
    if (dropped_ || owner_.verdict_.failed()) return;
    if (queue_.end()) {
      owner_.NoteEnd(*queue_.end());
      return owner_.EndTurn(client_);
    }
    do {
      const auto message = NextMessage();
      if (!message) break;
      Tell(*message);
    } while (!plan_.slow && !owner_.verdict_.failed());
    if (flush_ || !queue_.empty()) return TakeSoon();
    JudgeDrained();
  }

  node::SharedWatchMessage NextMessage() {
    if (!flush_) return queue_.Pop();
    auto step = flush_->Next();
    if (step.is_marker) {
      flush_.reset();
      owner_.probes_.Hit(Probe::k_watch_flushed);
    }
    return std::move(step.message);
  }

  void Tell(const node::WatchMessage& message) {
    if (!Trusted()) return;
    meta::WatchResponse response;
    CHECK(response.ParseFromString(message.bytes()));
    owner_.world_.Mix(Hash64(message.bytes()));
    if (response.has_event() && !response.is_initialization()) owner_.probes_.Hit(Probe::k_watch_event);
    judge_->OnMessage(response, owner_.cluster_.ReadableEnd(plan_.node));
  }

  // What a node tells from a state that somebody has damaged behind its back proves nothing.
  [[nodiscard]] bool Trusted() {
    if (!untrusted_ && owner_.judges_.Rotten(plan_.node)) {
      untrusted_ = true;
      owner_.probes_.Hit(Probe::k_watch_untrusted);
    }
    return !untrusted_;
  }

  WatchClients& owner_;
  const std::size_t client_;
  const Plan plan_;
  std::optional<node::WatchId> id_;
  node::WatchQueue queue_;
  std::optional<node::WatchFlush> flush_;
  std::optional<WatchJudge> judge_;
  std::uint64_t takes_ = 0;
  bool taking_ = false;
  bool graceful_ = true;
  bool dropped_ = false;
  bool untrusted_ = false;
};

WatchClients::WatchClients(io::World& world, const RunOptions& options, Cluster& cluster, Judges& judges,
                           Workload& workload, Verdict& verdict, Probes& probes)
    : world_(world),
      options_(options),
      cluster_(cluster),
      judges_(judges),
      workload_(workload),
      verdict_(verdict),
      probes_(probes),
      clients_(options.watchers) {}

WatchClients::~WatchClients() {
  for (const Client& client : clients_) {
    if (client.session) client.session->Drop();
  }
}

void WatchClients::Start() {
  for (std::size_t client = 0; client < clients_.size(); ++client) Pause(client);
}

void WatchClients::Pause(std::size_t client) {
  const auto millis = world_.draws().BetweenAt(kPause, client, clients_[client].turns, 0, options_.watch_pause_max_ms);
  world_.After(Duration::Millis(static_cast<std::int64_t>(millis)), [this, client] { Open(client); });
}

void WatchClients::Open(std::size_t index) {
  if (stopped_) return;
  Client& client = clients_[index];
  Prng prng(world_.draws().RawAt(kPlan, index, client.turns));
  const std::uint64_t turn = ++client.turns;
  Plan plan;
  plan.node = cluster_.ids()[prng.Below(cluster_.ids().size())];
  plan.spec.range = DrawRange(prng, options_.keys);
  plan.spec.filter = static_cast<meta::WatchRequest::FilterType>(prng.Below(3));
  plan.flush = prng.Chance(500'000);
  plan.slow = prng.Chance(static_cast<std::uint32_t>(options_.watch_slow_ppm));
  plan.after_write = prng.Chance(300'000);
  const std::uint64_t life = options_.watch_life_max_ms == 0 ? 0 : prng.Between(1, options_.watch_life_max_ms);
  if (!cluster_.Running(plan.node)) return Pause(index);
  plan.incarnation = cluster_.Incarnation(plan.node);
  if (plan.after_write) {
    workload_.WriteOnce(plan.node, [this, index, turn, plan] { Begin(index, turn, plan); });
  } else {
    cluster_.machine(plan.node).loop().Post([this, index, turn, plan] { Begin(index, turn, plan); });
  }
  world_.After(kOpenMax, [this, index, turn] {
    if (clients_[index].turns == turn && !clients_[index].session) Pause(index);
  });
  if (life == 0) return;
  world_.After(kOpenMax + Duration::Millis(static_cast<std::int64_t>(life)),
               [this, index, turn] { GiveUp(index, turn); });
}

void WatchClients::Begin(std::size_t index, std::uint64_t turn, const Plan& plan) {
  Client& client = clients_[index];
  const bool over = client.turns != turn || client.session || stopped_;
  if (over || !cluster_.Running(plan.node) || cluster_.Incarnation(plan.node) != plan.incarnation) return;
  const auto session = std::make_shared<Session>(*this, index, plan);
  auto started = cluster_.Find(plan.node)->Watch(plan.spec, session);
  if (!started) return probes_.Hit(Probe::k_watch_refused);
  NoteBegin(plan, started->applied_end);
  client.session = session;
  const std::string who = "watch " + std::to_string(turn) + " of client " + std::to_string(index) + " on n" +
                          std::to_string(plan.node.value()) + " from entry " +
                          std::to_string(started->applied_end.value());
  session->Start(std::move(*started), who);
}

void WatchClients::NoteBegin(const Plan& plan, LogIndex start) {
  probes_.Hit(Probe::k_watch_begun);
  if (plan.spec.range.end.ends_with('\0')) probes_.Hit(Probe::k_watch_of_one_key);
  if (cluster_.LearnsOnly(plan.node)) {
    probes_.Hit(Probe::k_watch_on_learner);
  } else if (cluster_.Leader() != plan.node) {
    probes_.Hit(Probe::k_watch_on_follower);
  }
  // The node tells its entries one by one, and this one is not the last of those that are readable.
  if (plan.after_write && judges_.ToldEnd(plan.node) < start) probes_.Hit(Probe::k_watch_begun_in_batch);
}

void WatchClients::GiveUp(std::size_t index, std::uint64_t turn) {
  Client& client = clients_[index];
  if (stopped_ || client.turns != turn || !client.session || client.session->end()) return;
  const auto session = client.session;
  session->JudgeDrained();
  session->Drop();
  probes_.Hit(Probe::k_watch_cancelled);
  const Plan& plan = session->plan();
  cluster_.machine(plan.node).loop().Post([this, plan, id = *session->id()] {
    if (cluster_.Running(plan.node) && cluster_.Incarnation(plan.node) == plan.incarnation) {
      cluster_.Find(plan.node)->Unwatch(id);
    }
  });
  EndTurn(index);
}

void WatchClients::EndTurn(std::size_t index) {
  clients_[index].session.reset();
  Pause(index);
}

void WatchClients::NoteEnd(node::WatchEnd end) {
  switch (end) {
    case node::WatchEnd::kTooSlow: return probes_.Hit(Probe::k_watch_too_slow);
    case node::WatchEnd::kNoMemory: return probes_.Hit(Probe::k_watch_no_memory);
    case node::WatchEnd::kStateReplaced: return probes_.Hit(Probe::k_watch_state_replaced);
    case node::WatchEnd::kStateWrong: return probes_.Hit(Probe::k_watch_state_wrong);
    case node::WatchEnd::kStopped: return probes_.Hit(Probe::k_watch_stopped);
    case node::WatchEnd::kCancelled: break;
  }
}

void WatchClients::OnNodeDown(NodeId node, std::uint32_t incarnation) {
  for (std::size_t index = 0; index < clients_.size(); ++index) {
    const auto session = clients_[index].session;
    if (!session || session->plan().node != node || session->plan().incarnation != incarnation) continue;
    session->Drop();
    if (session->ended_gracefully()) {
      NoteEnd(*session->end());
    } else {
      probes_.Hit(Probe::k_watch_cut_off);
    }
    EndTurn(index);
  }
}

void WatchClients::JudgeAtRest() {
  for (const Client& client : clients_) {
    if (client.session && !verdict_.failed()) client.session->JudgeDrained();
  }
}

}  // namespace metasrv::sim
