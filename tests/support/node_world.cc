#include "tests/support/node_world.h"

#include <algorithm>

#include "common/check.h"
#include "sm/read.h"

namespace metasrv::test {

// --- ManualLoop

io::TimerId ManualLoop::RunAt(Instant at, io::Task task) {
  const io::TimerId id = ++last_timer_;
  timers_.emplace(std::pair(at, id), std::move(task));
  timer_times_[id] = at;
  return id;
}

void ManualLoop::Cancel(io::TimerId timer) {
  const auto found = timer_times_.find(timer);
  if (found == timer_times_.end()) return;
  timers_.erase({found->second, timer});
  timer_times_.erase(found);
}

void ManualLoop::RunReady() {
  while (true) {
    io::Task task;
    if (!ready_.empty()) {
      task = std::move(ready_.front());
      ready_.pop_front();
    } else if (!timers_.empty() && timers_.begin()->first.first <= now_) {
      task = std::move(timers_.begin()->second);
      timer_times_.erase(timers_.begin()->first.second);
      timers_.erase(timers_.begin());
    } else {
      return;
    }
    task();
  }
}

void ManualLoop::RunFor(Duration duration) {
  const Instant end = now_ + duration;
  RunReady();
  while (!timers_.empty() && timers_.begin()->first.first <= end) {
    now_ = std::max(now_, timers_.begin()->first.first);
    RunReady();
  }
  now_ = end;
}

// --- FakeLogStore

void FakeLogStore::Write(io::LogBatch batch, Done done) {
  on_write(batch);
  written.push_back(batch);
  if (fail) {
    loop_.Post([done = std::move(done)]() mutable {
      done(std::unexpected(io::Error{io::ErrorKind::kIo, "the fake disk is broken"}));
    });
    return;
  }
  if (batch.node_id) contents.node_id = batch.node_id;
  if (batch.incarnation) contents.incarnation = batch.incarnation;
  if (batch.hard_state) contents.hard_state = batch.hard_state;
  if (batch.committed) contents.committed = batch.committed;
  auto& entries = contents.entries;
  if (batch.reset_to) {
    entries.clear();
    contents.purged = batch.reset_to;
  }
  if (batch.truncate_from) {
    std::erase_if(entries, [&](const Entry& entry) { return entry.id.index >= *batch.truncate_from; });
  }
  for (Entry& entry : batch.append) {
    if (!entries.empty()) CHECK_EQ(entry.id.index.value(), entries.back().id.index.value() + 1);
    entries.push_back(std::move(entry));
  }
  if (batch.purge_to) {
    std::erase_if(entries, [&](const Entry& entry) { return entry.id.index <= batch.purge_to->index; });
    contents.purged = batch.purge_to;
  }
  if (hold) {
    held_.push_back(std::move(done));
  } else {
    loop_.Post([done = std::move(done)]() mutable { done({}); });
  }
}

std::expected<io::LogContents, io::Error> FakeLogStore::Visit(const Visitor& visit) const {
  io::LogContents rest = contents;
  for (Entry& entry : std::exchange(rest.entries, {})) visit(std::move(entry));
  return rest;
}

void FakeLogStore::Read(LogIndex begin, LogIndex end, std::size_t bytes_max, ReadDone done) const {
  ++reads;
  loop_.Post([entries = io::SliceOf(contents.entries, begin, end, bytes_max), done = std::move(done)]() mutable {
    done(std::move(entries));
  });
}

std::unique_ptr<io::EntryCursor> FakeLogStore::Scan(LogIndex begin, LogIndex end) const {
  return std::make_unique<io::VectorCursor>(io::SliceOf(contents.entries, begin, end, SIZE_MAX));
}

void FakeLogStore::Release() {
  hold = false;
  for (Done& done : std::exchange(held_, {})) loop_.Post([done = std::move(done)]() mutable { done({}); });
}

// --- FakeTransport

FakeTransport::~FakeTransport() { network_.listening_.erase(self_); }

void FakeTransport::Start(MessageHandler on_message, CallHandler on_call) {
  on_message_ = std::move(on_message);
  on_call_ = std::move(on_call);
  network_.listening_[self_] = this;
}

FakeTransport* FakeNetwork::Reach(const Endpoint& from, const Endpoint& to) {
  if (IsCut(from, to)) return nullptr;
  const auto found = listening_.find(to);
  return found == listening_.end() ? nullptr : found->second;
}

void FakeTransport::Send(const Endpoint& to, std::string bytes) {
  network_.on_send(bytes);
  ManualLoop& loop = network_.loop_;
  loop.RunAt(loop.Now() + Duration::Millis(1), [&network = network_, from = self_, to, bytes = std::move(bytes)] {
    if (FakeTransport* peer = network.Reach(from, to)) peer->on_message_(bytes);
  });
}

void FakeTransport::Call(const Endpoint& to, std::string request, Duration timeout, CallDone done) {
  ManualLoop& loop = network_.loop_;
  // Whoever comes first, the reply or the timeout, takes `done`.
  auto pending = std::make_shared<std::optional<CallDone>>(std::move(done));
  const auto end = [pending](io::CallEnd end, std::string text) {
    if (!*pending) return;
    CallDone taken = std::move(**pending);
    pending->reset();
    taken(end, std::move(text));
  };
  loop.RunAt(loop.Now() + timeout, [end] { end(io::CallEnd::kUnanswered, {}); });
  loop.RunAt(loop.Now() + Duration::Millis(1), [&network = network_, from = self_, to, end, request] {
    FakeTransport* peer = network.refuses_calls.contains(to) ? nullptr : network.Reach(from, to);
    if (peer == nullptr) {
      if (!network.IsCut(from, to)) end(io::CallEnd::kNotReached, "nobody listens");
      return;
    }
    peer->on_call_(request, [&network, from, to, end](std::string reply) {
      network.loop_.RunAt(network.loop_.Now() + Duration::Millis(1), [&network, from, to, end, reply] {
        if (!network.lose_replies && !network.IsCut(from, to)) end(io::CallEnd::kAnswered, reply);
      });
    });
  });
}

// --- FakeTrace

void FakeTrace::Emit(NodeId, const TraceEvent& event) { events.push_back(event); }

bool FakeTrace::Has(const std::string& text) const {
  return std::ranges::any_of(events, [&](const TraceEvent& event) { return event.text.contains(text); });
}

// --- NodeWorld

Machine::Machine(ManualLoop& loop, FakeNetwork& network, NodeId node_id)
    : id(node_id),
      endpoint{"host-" + std::to_string(node_id.value()), 28003},
      seed(node_id.value()),
      log(loop),
      transport(std::make_unique<FakeTransport>(network, endpoint)) {
  options.raft.id = id;
  options.raft_advertise = endpoint;
  options.grpc_advertise = endpoint.host + ":9191";
}

NodeWorld::~NodeWorld() {
  for (auto& [id, machine] : machines_) machine->node.reset();
}

Machine& NodeWorld::Add(std::uint64_t id) {
  auto& machine = machines_[id];
  machine = std::make_unique<Machine>(loop, network, NodeId(id));
  return *machine;
}

void NodeWorld::StartBare(std::uint64_t id) {
  Machine& machine = *machines_.at(id);
  const node::Environment environment{loop,
                                      loop,
                                      *machine.transport,
                                      machine.log,
                                      machine.state,
                                      machine.trace,
                                      machine.seed,
                                      [&machine](const std::string& why) { machine.fatal.push_back(why); }};
  auto created = node::Node::Create(machine.options, environment);
  CHECK(created.has_value());
  machine.node = std::move(*created);
  machine.node->Start();
}

void NodeWorld::Start(std::uint64_t id) {
  StartBare(id);
  Machine& machine = *machines_.at(id);
  machine.lines.clear();
  machine.started.reset();
  machine.node->JoinAndRegister([&machine](const std::string& line) { machine.lines.push_back(line); },
                                [&machine](auto result) { machine.started = std::move(result); });
}

void NodeWorld::Crash(std::uint64_t id) {
  Machine& machine = *machines_.at(id);
  machine.node.reset();
  machine.transport = nullptr;
  machine.transport = std::make_unique<FakeTransport>(network, machine.endpoint);
}

std::uint64_t NodeWorld::AwaitLeader() {
  std::uint64_t leader = 0;
  const bool found = RunUntil([&] {
    for (auto& [id, machine] : machines_) {
      if (machine->node && machine->node->leader() == NodeId(id)) leader = id;
    }
    return leader != 0;
  });
  CHECK(found);
  return leader;
}

void NodeWorld::GrowTo(std::uint64_t size) {
  for (std::uint64_t id = 1; id <= size; ++id) {
    Machine& machine = Add(id);
    machine.options.single = id == 1;
    if (id > 1) machine.options.join = {machines_.at(1)->endpoint};
    Start(id);
    CHECK(RunUntil([&] { return machine.started.has_value(); }));
    CHECK(machine.started->has_value());
  }
}

node::WriteResult NodeWorld::Put(std::uint64_t via, const std::string& key, const std::string& value) {
  std::optional<node::WriteResult> result;
  node(via).Write(PutCommand(key, value), [&](node::WriteResult answer) { result = std::move(answer); });
  CHECK(RunUntil([&] { return result.has_value(); }));
  return std::move(*result);
}

std::string NodeWorld::Get(std::uint64_t via, const std::string& key) {
  std::optional<std::string> value;
  node(via).Read([&](const node::ReadResult& read) {
    if (read.status != node::ReadStatus::kReady) {
      value = "?";
      return;
    }
    const auto record = sm::GetRecord(*read.state, key, read.now);
    value = record ? record->data() : "";
  });
  CHECK(RunUntil([&] { return value.has_value(); }));
  return *value;
}

pb::ForwardReply NodeWorld::Ask(std::uint64_t via, pb::ForwardRequest request) {
  std::optional<pb::ForwardReply> reply;
  node(via).Forward(std::move(request), [&](pb::ForwardReply answer) { reply = std::move(answer); });
  CHECK(RunUntil([&] { return reply.has_value(); }));
  return *reply;
}

bool NodeWorld::RunUntil(const std::function<bool()>& done, Duration limit) {
  const Instant end = loop.Now() + limit;
  loop.RunReady();
  while (!done() && loop.Now() < end) loop.RunFor(Duration::Millis(1));
  return done();
}

std::vector<Entry> LogOf(const node::ExportSource& source) {
  std::vector<Entry> entries;
  while (auto entry = source.log->Next()) entries.push_back(*std::move(entry));
  return entries;
}

pb::Command PutCommand(const std::string& key, const std::string& value) {
  pb::Command command;
  auto* upsert = command.mutable_upsert_kv();
  upsert->set_key(key);
  upsert->mutable_seq()->mutable_any();
  upsert->mutable_value()->set_update(value);
  return command;
}

}  // namespace metasrv::test
