#include "sim/workload.h"

#include <utility>

#include "sm/read.h"

namespace metasrv::sim {
namespace {

constexpr io::DrawKind kThink("client.think");
constexpr io::DrawKind kOperation("client.operation");
constexpr io::DrawActor kExtraClient = 1'000'000;

ReadSeen Look(const ReadPlan& plan, const node::ReadResult& result) {
  ReadSeen seen;
  seen.applied_end = result.applied_end;
  seen.now = result.now;
  if (const auto last = sm::ReadLastApplied(*result.state)) seen.last_applied = *last;
  for (const std::string& key : plan.keys) seen.gets.emplace_back(key, sm::GetRecord(*result.state, key, result.now));
  for (const std::string& prefix : plan.prefixes) {
    ReadSeen::List& list = seen.lists.emplace_back(ReadSeen::List{prefix, {}});
    sm::PrefixScan scan(*result.state, prefix, result.now);
    while (auto item = scan.Next()) list.items.emplace_back(item->key(), item->value());
  }
  return seen;
}

}  // namespace

Workload::Workload(io::World& world, const RunOptions& options, Cluster& cluster, Judges& judges, Oracle& oracle,
                   Probes& probes)
    : world_(world),
      options_(options),
      cluster_(cluster),
      judges_(judges),
      oracle_(oracle),
      probes_(probes),
      maker_(options),
      clients_(options.clients) {}

void Workload::Start() {
  for (std::size_t client = 0; client < clients_.size(); ++client) Think(client);
}

void Workload::Think(std::size_t client) {
  if (stopped_) return;
  const auto millis = world_.draws().BetweenAt(kThink, client, clients_[client].operations, 0, options_.think_max_ms);
  world_.After(Duration::Millis(static_cast<std::int64_t>(millis)), [this, client] {
    if (!stopped_) Ask(client);
  });
}

std::optional<NodeId> Workload::PickNode(Prng& prng) {
  std::vector<NodeId> running;
  for (const NodeId id : cluster_.ids()) {
    if (cluster_.Running(id)) running.push_back(id);
  }
  if (running.empty()) return std::nullopt;
  return running[prng.Below(running.size())];
}

void Workload::Ask(std::size_t index) {
  Client& client = clients_[index];
  Prng prng(world_.draws().RawAt(kOperation, index, client.operations++));
  const auto node = PickNode(prng);
  if (!node) return Think(index);
  client.waiting = true;
  const std::uint64_t turn = ++client.turn;
  const auto done = [this, index, turn](bool served) { EndTurn(index, turn, served); };
  if (client.named) {
    WriteAgain(client, *node, done);
  } else if (maker_.DrawRead(prng)) {
    SendRead(*node, maker_.MakeRead(prng), done);
  } else {
    Write(client, *node, prng, done);
  }
  world_.After(Patience(client, prng), [this, index, turn] {
    if (clients_[index].waiting && clients_[index].turn == turn) probes_.Hit(Probe::k_client_gave_up);
    EndTurn(index, turn, false);
  });
}

void Workload::EndTurn(std::size_t index, std::uint64_t turn, bool served) {
  Client& client = clients_[index];
  if (!client.waiting || client.turn != turn) return;
  client.waiting = false;
  if (served || (client.named && client.named->attempts_left == 0)) client.named.reset();
  Think(index);
}

// Sometimes an attempt has hardly begun when the next one is made.
Duration Workload::Patience(const Client& client, Prng& prng) const {
  constexpr std::uint64_t kHastyMax = 20;
  const bool hasty = client.named && prng.Below(4) == 0;
  return Duration::Millis(static_cast<std::int64_t>(hasty ? prng.Below(kHastyMax) : options_.client_timeout_ms));
}

void Workload::Write(Client& client, NodeId node, Prng& prng, std::function<void(bool)> done) {
  const Oracle::Token token = Begin(true, node);
  pb::Command command = maker_.MakeWrite(prng, token);
  if (prng.Below(1'000'000) < options_.named_ppm) {
    command.set_request_id("write-" + std::to_string(token));
    oracle_.Name(token, token);
    client.named = {command, token, token, node, options_.repeats_max};
  }
  SendWrite(node, std::move(command), token, std::move(done));
}

void Workload::WriteAgain(Client& client, NodeId node, std::function<void(bool)> done) {
  Named& named = *client.named;
  const Oracle::Token token = Begin(true, node);
  oracle_.Name(token, named.first);
  CommandMaker::Retoken(named.command, named.last, token);
  probes_.Hit(Probe::k_write_repeated);
  if (node != named.node) probes_.Hit(Probe::k_write_repeated_elsewhere);
  named.last = token;
  named.node = node;
  --named.attempts_left;
  SendWrite(node, named.command, token, std::move(done));
}

Oracle::Token Workload::Begin(bool write, NodeId node) {
  const Oracle::Token token = oracle_.Begin(write, judges_.committed_end());
  pending_[token] = {node, cluster_.Incarnation(node), world_.now()};
  return token;
}

void Workload::SendWrite(NodeId node, pb::Command command, Oracle::Token token, std::function<void(bool)> done) {
  cluster_.Write(node, std::move(command), [this, token, done = std::move(done)](const node::WriteResult& result) {
    pending_.erase(token);
    // A leader with a rotten state answers from it; what is committed is right all the same.
    oracle_.OnWriteDone(token, result, !judges_.EverRotten());
    CountWrite(result);
    LearnFrom(result);
    done(result.status == node::WriteStatus::kApplied);
  });
}

void Workload::SendRead(NodeId node, const ReadPlan& plan, std::function<void(bool)> done) {
  const Oracle::Token token = Begin(false, node);
  cluster_.Read(node, [this, token, node, plan, done = std::move(done)](const node::ReadResult& result) {
    pending_.erase(token);
    FinishRead(token, node, plan, result);
    done(result.status == node::ReadStatus::kReady);
  });
}

void Workload::FinishRead(Oracle::Token token, NodeId node, const ReadPlan& plan, const node::ReadResult& result) {
  if (result.status != node::ReadStatus::kReady) {
    probes_.Hit(Probe::k_read_refused);
    oracle_.OnReadFailed(token);
    return;
  }
  if (!judges_.MayTrustRead(node)) return oracle_.OnReadFailed(token);
  probes_.Hit(Probe::k_read_served);
  if (result.leader != node) probes_.Hit(Probe::k_follower_read);
  const ReadSeen seen = Look(plan, result);
  for (const auto& [key, record] : seen.gets) {
    maker_.Learn(key, record ? record->seq() : 0);
    if (!record && judges_.history().RecordAt(key, seen.applied_end)) probes_.Hit(Probe::k_read_hid_expired);
  }
  oracle_.OnReadDone(token, seen);
}

void Workload::CountWrite(const node::WriteResult& result) {
  const bool applied = result.status == node::WriteStatus::kApplied;
  if (applied) {
    probes_.Hit(Probe::k_write_acked);
  } else {
    probes_.Hit(result.status == node::WriteStatus::kUnknown ? Probe::k_write_unknown : Probe::k_write_refused);
  }
  if (applied && result.forwarded_to) probes_.Hit(Probe::k_write_forwarded);
}

void Workload::LearnFrom(const node::WriteResult& result) {
  if (result.status != node::WriteStatus::kApplied) return;
  for (const meta::TxnOpResponse& response : result.reply.transaction().responses()) {
    if (response.has_put()) maker_.Learn(response.put().key(), response.put().current().seq());
    if (response.has_delete_()) maker_.Learn(response.delete_().key(), 0);
    if (!response.has_fetch_increase_u64()) continue;
    maker_.Learn(response.fetch_increase_u64().key(), response.fetch_increase_u64().after_seq());
  }
}

void Workload::WriteOnce(NodeId node, std::function<void()> done) {
  Prng prng(world_.draws().RawAt(kOperation, kExtraClient, extra_operations_++));
  const Oracle::Token token = Begin(true, node);
  SendWrite(node, maker_.MakeWrite(prng, token), token, [done = std::move(done)](bool served) {
    if (served) done();
  });
}

void Workload::ReadOnce(NodeId node, const ReadPlan& plan, std::function<void()> done) {
  SendRead(node, plan, [done = std::move(done)](bool served) {
    if (served) done();
  });
}

void Workload::OnNodeDown(NodeId node, std::uint32_t incarnation) {
  std::erase_if(pending_, [&](const auto& entry) {
    const bool gone = entry.second.node == node && entry.second.incarnation == incarnation;
    if (gone) oracle_.OnAbandoned(entry.first);
    return gone;
  });
}

void Workload::JudgeOverdue(Duration limit) {
  for (const auto& [token, pending] : pending_) {
    if (world_.now() - pending.since > limit) oracle_.OnOverdue(token);
  }
}

}  // namespace metasrv::sim
