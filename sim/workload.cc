#include "sim/workload.h"

#include <algorithm>
#include <utility>

#include "sim/tokens.h"

namespace metasrv::sim {
namespace {

constexpr io::DrawKind kThink("client.think");
constexpr io::DrawKind kOperation("client.operation");
constexpr io::DrawKind kPause("client.pause");
constexpr io::DrawActor kExtraClient = 1'000'000;
constexpr std::uint64_t kExportPauseMaxMs = 40;
constexpr std::uint64_t kLullThinkMaxMs = 6;

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
  const std::uint64_t longest = InLull() ? std::min(kLullThinkMaxMs, options_.think_max_ms) : options_.think_max_ms;
  const auto millis = world_.draws().BetweenAt(kThink, client, clients_[client].operations, 0, longest);
  world_.After(Duration::Millis(static_cast<std::int64_t>(millis)), [this, client] {
    if (!stopped_) Ask(client);
  });
}

std::optional<NodeId> Workload::PickNode(Prng& prng) {
  if (InLull() && lull_.node && cluster_.Running(*lull_.node)) return lull_.node;
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
  if (InLull()) {
    ReadPlan plan = maker_.MakeRead(prng);
    plan.pause_max_ms = 0;
    // Whatever comes of it, the client is not done with a write that it means to repeat.
    SendRead(*node, plan, [done](bool) { done(false); });
  } else if (client.named) {
    WriteAgain(client, *node, done);
  } else {
    switch (maker_.DrawRequest(prng)) {
      case CommandMaker::Request::kRead: SendRead(*node, maker_.MakeRead(prng), done); break;
      case CommandMaker::Request::kExport: Export(*node, prng.Below(kExportPauseMaxMs), done); break;
      case CommandMaker::Request::kWrite: Write(client, *node, prng, done); break;
    }
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
  pb::Command command = MakeWrite(prng, token, node);
  if (prng.Below(1'000'000) < options_.named_ppm) {
    command.set_request_id("write-" + std::to_string(token));
    oracle_.Name(token, token);
    client.named = {command, token, token, node, options_.repeats_max};
  }
  SendWrite(node, std::move(command), token, std::move(done));
}

pb::Command Workload::MakeWrite(Prng& prng, Oracle::Token token, NodeId node) {
  return maker_.MakeWrite(prng, token, cluster_.machine(node).clock().WallNow().value());
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
    if (result.status == node::ReadStatus::kReady && judges_.MayTrustRead(node)) {
      if (result.leader != node) probes_.Hit(Probe::k_follower_read);
      readings_.insert_or_assign(token, Reading(plan, result));
      return GoOn(token, done);
    }
    pending_.erase(token);
    if (result.status != node::ReadStatus::kReady) probes_.Hit(Probe::k_read_refused);
    oracle_.OnReadFailed(token);
    done(false);
  });
}

// Serves what is left of a read, with pauses when the client takes its time.
void Workload::GoOn(Oracle::Token token, const std::function<void(bool)>& done) {
  const auto found = readings_.find(token);
  if (found == readings_.end()) return;  // its node went down
  const std::uint64_t pause_max_ms = found->second.plan().pause_max_ms;
  while (found->second.Step()) {
    if (pause_max_ms == 0) continue;
    const auto pause = world_.draws().BetweenAt(kPause, token, found->second.steps(), 0, pause_max_ms);
    world_.After(Duration::Millis(static_cast<std::int64_t>(pause)), [this, token, done] { GoOn(token, done); });
    return;
  }
  pending_.erase(token);
  const Reading reading = std::move(readings_.extract(token).mapped());
  FinishRead(token, reading.plan(), reading.seen());
  done(true);
}

void Workload::FinishRead(Oracle::Token token, const ReadPlan& plan, const ReadSeen& seen) {
  probes_.Hit(Probe::k_read_served);
  if (plan.pause_max_ms > 0 && seen.applied_end < judges_.history().end()) probes_.Hit(Probe::k_read_streamed);
  for (const auto& [key, record] : seen.gets) {
    maker_.Learn(key, record);
    if (!record && judges_.history().RecordAt(key, seen.applied_end)) probes_.Hit(Probe::k_read_hid_expired);
  }
  for (const ReadSeen::List& list : seen.lists) {
    if (list.limit > 0 && list.items.size() == list.limit) probes_.Hit(Probe::k_list_cut_short);
  }
  oracle_.OnReadDone(token, seen);
}

// The copy is read a little later than it was taken.
void Workload::Export(NodeId node, std::uint64_t pause_ms, std::function<void(bool)> done) {
  cluster_.Export(node, [this, node, pause_ms, done = std::move(done)](node::ExportSource taken) {
    done(true);
    if (judges_.Rotten(node)) return;
    const std::uint32_t incarnation = cluster_.Incarnation(node);
    auto source = std::make_shared<node::ExportSource>(std::move(taken));
    world_.After(Duration::Millis(static_cast<std::int64_t>(pause_ms)), [this, node, incarnation, source] {
      if (!cluster_.Running(node) || cluster_.Incarnation(node) != incarnation) return;
      probes_.Hit(Probe::k_export_checked);
      judges_.OnExport(node, *source);
    });
  });
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
  const pb::AppliedState& reply = result.reply;
  if (reply.has_kv() && reply.kv().has_prev() && reply.kv().result().seq() == reply.kv().prev().seq()) {
    probes_.Hit(Probe::k_upsert_refused);
  }
  const bool branched = reply.has_kv_transaction() ? reply.kv_transaction().has_executed_branch()
                                                   : reply.transaction().execution_path().starts_with("operation");
  if (branched) probes_.Hit(Probe::k_branch_taken);
  for (const meta::TxnOpResponse& response : reply.transaction().responses()) LearnFrom(response);
  for (const meta::TxnOpResponse& response : reply.kv_transaction().responses()) LearnFrom(response);
}

void Workload::LearnFrom(const meta::TxnOpResponse& response) {
  if (response.has_get()) {
    probes_.Hit(Probe::k_op_get);
    const meta::TxnGetResponse& get = response.get();
    maker_.Learn(get.key(), get.has_value() ? std::optional(get.value()) : std::nullopt);
  } else if (response.has_put()) {
    const meta::TxnPutResponse& put = response.put();
    probes_.Hit(put.key().starts_with(kSequences) ? Probe::k_op_put_sequential : Probe::k_op_put);
    if (!put.has_current()) probes_.Hit(Probe::k_expired_on_arrival);
    maker_.Learn(put.key(), put.has_current() ? std::optional(put.current()) : std::nullopt);
  } else if (response.has_delete_()) {
    probes_.Hit(Probe::k_op_delete);
    maker_.Learn(response.delete_().key(), std::nullopt);
  } else if (response.has_fetch_increase_u64()) {
    probes_.Hit(Probe::k_op_fetch_increase);
    meta::SeqV record;
    record.set_seq(response.fetch_increase_u64().after_seq());
    record.set_data(std::to_string(response.fetch_increase_u64().after()));
    maker_.Learn(response.fetch_increase_u64().key(), record);
  } else if (response.has_delete_by_prefix()) {
    probes_.Hit(Probe::k_op_delete_by_prefix);
  }
}

void Workload::WriteOnce(NodeId node, std::function<void()> done) {
  Prng prng(world_.draws().RawAt(kOperation, kExtraClient, extra_operations_++));
  const Oracle::Token token = Begin(true, node);
  SendWrite(node, MakeWrite(prng, token, node), token, [done = std::move(done)](bool served) {
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
    if (gone && readings_.erase(entry.first) > 0) probes_.Hit(Probe::k_stream_broken);
    return gone;
  });
}

void Workload::JudgeOverdue(Duration limit) {
  for (const auto& [token, pending] : pending_) {
    if (world_.now() - pending.since > limit) oracle_.OnOverdue(token);
  }
}

}  // namespace metasrv::sim
