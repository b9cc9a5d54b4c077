#include "node/node.h"

#include <optional>
#include <utility>
#include <vector>

#include "node/bootstrap.h"
#include "node/impl.h"

namespace metasrv::node {
namespace {

// What must be written before anything else, on a disk that knows no identity or no cluster yet.
std::optional<io::LogBatch> FoundingWrite(io::LogContents& contents, StoredLog& log, NodeId id, Prng random, bool empty,
                                          bool founds_cluster) {
  if (contents.node_id && contents.incarnation && !founds_cluster) return std::nullopt;
  if (!contents.incarnation) contents.incarnation = MakeIncarnation(random.Next(), empty && !founds_cluster);
  io::LogBatch batch;
  batch.node_id = id;
  batch.incarnation = contents.incarnation;
  if (founds_cluster) {
    batch.append = {FirstEntry(id, *contents.incarnation, ClusterId(random.Next() | 1))};
    log.Add(batch.append.front());
  }
  return batch;
}

// Which cluster the entries of a log belong to.
class ClusterNames {
 public:
  void Add(const Entry& entry) {
    if (entry.membership) names_.emplace_back(entry.id.index, entry.membership->identity.cluster);
  }
  // The cluster that the disk is committed to belong to, as far as it knows what was committed.
  [[nodiscard]] ClusterId Committed(const std::optional<LogId>& committed, const SnapshotMeta& state) const {
    ClusterId cluster = state.membership.identity.cluster;
    for (const auto& [index, name] : names_) {
      if (committed && index <= committed->index) cluster = name;
    }
    return cluster;
  }

 private:
  std::vector<std::pair<LogIndex, ClusterId>> names_;
};

std::expected<Findings, io::Error> Inspect(const NodeOptions& options, const Environment& environment) {
  auto meta = ReadStateMeta(environment.state_store);
  if (!meta) return std::unexpected(std::move(meta.error()));
  Findings findings;
  findings.addresses.Reload(environment.state_store);
  StoredLog log(*meta, options.raft.log_cache, [&findings](const Entry& entry) { findings.addresses.Foresee(entry); });
  ClusterNames names;
  auto contents = environment.log_store.Visit([&log, &names](Entry entry) {
    names.Add(entry);
    log.Add(std::move(entry));
  });
  if (!contents) return std::unexpected(contents.error());
  findings.id = contents->node_id.value_or(options.raft.id);
  findings.stored = {contents->hard_state, contents->committed, contents->purged, std::nullopt};
  const bool empty = IsUninitialised(*contents, log.log(), *meta);
  findings.founds_cluster = options.single && empty;
  const Prng random = Prng(environment.random_seed).Fork("disk");
  if (auto write = FoundingWrite(*contents, log, findings.id, random, empty, findings.founds_cluster)) {
    findings.first_writes.push_back(*write);
  }
  findings.cluster = names.Committed(contents->committed, *meta);
  auto disk = Recover(*contents, std::move(log), std::move(*meta));
  if (!disk) return std::unexpected(std::move(disk.error()));
  findings.disk = std::move(*disk);
  findings.disk.recovered.incarnation = *contents->incarnation;
  findings.stored.reset_later = findings.disk.reset_later;
  if (findings.disk.repair) {
    findings.stored.purged = findings.disk.repair->reset_to;
    findings.first_writes.push_back(*findings.disk.repair);
  }
  return findings;
}

}  // namespace

std::expected<std::unique_ptr<Node>, io::Error> Node::Create(const NodeOptions& options,
                                                             const Environment& environment) {
  auto findings = Inspect(options, environment);
  if (!findings) return std::unexpected(std::move(findings.error()));
  NodeOptions effective = options;
  effective.raft.id = findings->id;
  if (effective.raft.id != options.raft.id) {
    environment.trace.Emit(effective.raft.id, {TraceKind::kWarning, 0, 0,
                                               "the configured id " + std::to_string(options.raft.id.value()) +
                                                   " is ignored: the data directory belongs to node " +
                                                   std::to_string(effective.raft.id.value())});
  }
  return std::unique_ptr<Node>(
      new Node(std::make_unique<Impl>(std::move(effective), environment, std::move(*findings))));
}

Node::Node(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Node::~Node() { Stop(); }

void Node::Start() { impl_->Start(); }
void Node::Stop() { impl_->Stop("stopped", false); }

void Node::Write(pb::Command command, std::function<void(WriteResult)> done) {
  impl_->Write(std::move(command), Forwarder::Reach::kAnywhere, std::move(done));
}

void Node::WriteHere(pb::Command command, std::function<void(WriteResult)> done) {
  impl_->Write(std::move(command), Forwarder::Reach::kHere, std::move(done));
}

void Node::Read(std::function<void(ReadResult)> done) { impl_->Read(std::move(done)); }

void Node::Forward(pb::ForwardRequest request, std::function<void(pb::ForwardReply)> done) {
  impl_->Forward(std::move(request), std::move(done));
}

NodeStatus Node::status() const { return impl_->status(); }
std::optional<NodeId> Node::leader() const { return impl_->pump().view().leader; }
ExportSource Node::Export() const { return impl_->Export(); }
TransferReply Node::TransferLeadership(std::optional<NodeId> to) { return impl_->TransferLeadership(to); }
void Node::HandOver(std::function<void()> done) { impl_->PrepareStop(std::move(done)); }
std::shared_ptr<const sm::Snapshot> Node::LocalState() const { return impl_->LocalState(); }
std::expected<WatchStart, WatchRefusal> Node::Watch(const WatchSpec& spec, std::shared_ptr<Watcher> watcher) {
  return impl_->watchers().Begin(spec, std::move(watcher));
}
void Node::Unwatch(WatchId id) { impl_->watchers().Forget(id); }
void Node::StopWatches() { impl_->watchers().Stop(); }

void Node::TriggerSnapshot() { impl_->TriggerSnapshot(); }

void Node::ForceSingleVoter(std::function<void(std::expected<void, std::string>)> done) {
  impl_->ForceSingleVoter(std::move(done));
}
void Node::SetChangeHook(ChangeHook hook) { impl_->SetChangeHook(std::move(hook)); }
void Node::SetInstallHook(InstallHook hook) { impl_->SetInstallHook(std::move(hook)); }

void Node::JoinAndRegister(std::function<void(const std::string& line)> progress,
                           std::function<void(std::expected<void, std::string>)> done) {
  impl_->JoinAndRegister(std::move(progress), std::move(done));
}

const Raft& Node::raft() const { return impl_->pump().raft(); }
NodeId Node::id() const { return impl_->id(); }

}  // namespace metasrv::node
