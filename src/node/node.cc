#include "node/node.h"

#include <utility>

#include "node/bootstrap.h"
#include "node/impl.h"

namespace metasrv::node {
namespace {

// What must be written before anything else, on a disk that knows no identity or no cluster yet.
std::optional<io::LogBatch> FoundingWrite(const io::LogContents& contents, StoredLog& log, NodeId id,
                                          bool founds_cluster) {
  if (contents.node_id && !founds_cluster) return std::nullopt;
  io::LogBatch batch;
  batch.node_id = id;
  if (founds_cluster) {
    batch.append = {FirstEntry(id)};
    log.Add(batch.append.front());
  }
  return batch;
}

std::expected<Findings, io::Error> Inspect(const NodeOptions& options, const Environment& environment) {
  auto meta = ReadStateMeta(environment.state_store);
  if (!meta) return std::unexpected(std::move(meta.error()));
  Findings findings;
  findings.addresses.Reload(environment.state_store);
  StoredLog log(*meta, options.raft.log_cache, [&findings](const Entry& entry) { findings.addresses.Foresee(entry); });
  const auto contents = environment.log_store.Visit([&log](Entry entry) { log.Add(std::move(entry)); });
  if (!contents) return std::unexpected(contents.error());
  findings.id = contents->node_id.value_or(options.raft.id);
  findings.stored = {contents->hard_state, contents->committed, contents->purged, std::nullopt};
  findings.founds_cluster = options.single && IsUninitialised(*contents, log.log(), *meta);
  if (auto write = FoundingWrite(*contents, log, findings.id, findings.founds_cluster)) {
    findings.first_writes.push_back(*write);
  }
  auto disk = Recover(*contents, std::move(log), std::move(*meta));
  if (!disk) return std::unexpected(std::move(disk.error()));
  findings.disk = std::move(*disk);
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
