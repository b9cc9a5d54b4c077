#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "node/addresses.h"
#include "node/compaction.h"
#include "node/context.h"
#include "node/disk_watch.h"
#include "node/forward.h"
#include "node/hand_over.h"
#include "node/identity_guard.h"
#include "node/members.h"
#include "node/outbox.h"
#include "node/proposals.h"
#include "node/pump.h"
#include "node/quarantine.h"
#include "node/reads.h"
#include "node/recovery.h"
#include "node/replication_times.h"
#include "node/scrubber.h"
#include "node/snapshot_receiver.h"
#include "node/snapshot_sender.h"
#include "node/space.h"
#include "node/startup.h"
#include "node/state_audit.h"
#include "node/watchers.h"
#include "node/wire.h"

namespace metasrv::node {

// What Create found on the disk.
struct Findings {
  NodeId id;  // the stored one wins over the configured one
  Addresses addresses;
  RecoveredDisk disk;
  StoredFacts stored;
  std::vector<io::LogBatch> first_writes;
  ClusterId cluster;  // that the disk belongs to for sure
  bool founds_cluster = false;
};

// The parts of a node, wired: events of the pump and of the transport go to the part that is responsible.
class Node::Impl final : public PumpListener {
 public:
  Impl(NodeOptions options, const Environment& environment, Findings findings);

  void Start();
  void Stop(const std::string& reason, bool forced);

  void Write(pb::Command command, Forwarder::Reach reach, std::function<void(WriteResult)> done);
  void Read(std::function<void(ReadResult)> done) { reads_.Add(std::move(done)); }
  void Forward(pb::ForwardRequest request, std::function<void(pb::ForwardReply)> done);
  void JoinAndRegister(std::function<void(const std::string&)> progress,
                       std::function<void(std::expected<void, std::string>)> done);
  void TriggerSnapshot();
  [[nodiscard]] TransferReply TransferLeadership(std::optional<NodeId> to) { return hand_over_.Trigger(to); }
  void PrepareStop(std::function<void()> done);
  void ForceSingleVoter(std::function<void(std::expected<void, std::string>)> done) {
    members_.ForceSingleVoter(std::move(done));
  }
  void SetChangeHook(ChangeHook hook) { change_hook_ = std::move(hook); }
  void SetInstallHook(InstallHook hook) { install_hook_ = std::move(hook); }

  [[nodiscard]] Watchers& watchers() { return watchers_; }
  [[nodiscard]] NodeStatus status() const;
  [[nodiscard]] ExportSource Export() const;
  [[nodiscard]] std::shared_ptr<const sm::Snapshot> LocalState() const {
    return context_.env.state_store.NewSnapshot();
  }
  [[nodiscard]] const Pump& pump() const { return pump_; }
  [[nodiscard]] NodeId id() const { return context_.id(); }

 private:
  // PumpListener
  void OnTrace(const TraceEvent& event) override { identity_.OnTrace(event); }
  void OnProposed(const Proposed& proposed) override { proposals_.OnProposed(proposed); }
  void OnSend(NodeId to, const Message& message) override { outbox_.Add(to, message); }
  void OnApplied(const Entry& entry, sm::Applied& applied) override;
  void OnBatchApplied() override;
  void OnReadReady(const ReadReady& read) override { reads_.OnReadReady(read); }
  void OnMembershipDone(const MembershipDone& done) override { members_.OnMembershipDone(done); }
  void OnTransferDone(const TransferDone& done) override { hand_over_.OnTransferDone(done); }
  void OnLogWrite() override { disk_watch_.OnIssued(); }
  void OnLogWritten() override { disk_watch_.OnDone(); }
  void OnCancelSnapshot(NodeId to) override { sender_.Cancel(to); }
  void OnSendSnapshot(const SendSnapshot& send) override { sender_.Start(send); }
  void OnInstallSnapshot(const SnapshotMeta& meta) override { receiver_.Install(meta); }
  void OnQuiet() override;
  void OnFatal(const std::string& reason) override;

  // The transport
  void ListenToPeers();
  void OnMessage(std::string_view bytes);
  void OnCall(const std::string& bytes, io::Transport::Responder respond);
  void SendBytes(NodeId to, std::string bytes);

  void OnNodeCommand(const Entry& entry);
  void OnInstalled(const SnapshotMeta& meta);
  void OnWrongState(const std::string& reason);
  // Nothing is read from this state, nor watched.
  void Bar(bool barred);
  void OnSnapshotBody(const Decoded& message);

  Context context_;
  sm::Machine machine_;
  Addresses addresses_;
  ReplicationTimes replication_times_{context_};
  MessageEncoder encoder_;
  Outbox outbox_;
  Pump pump_;
  Space space_;
  Proposals proposals_;
  Members members_;
  Forwarder forwarder_;
  Reads reads_;
  Watchers watchers_;
  SnapshotSender sender_;
  SnapshotReceiver receiver_;
  Compaction compaction_;
  Quarantine quarantine_;
  StateAudit audit_;
  Scrubber scrubber_;
  Startup startup_;
  node::HandOver hand_over_;
  std::map<NodeId, std::uint64_t> received_bytes_;  // of admitted messages, by sender
  DiskWatch disk_watch_;
  IdentityGuard identity_;
  ChangeHook change_hook_;
  InstallHook install_hook_;
  std::vector<io::LogBatch> first_writes_;
  bool founds_cluster_ = false;
  bool stopped_ = false;
};

}  // namespace metasrv::node
