#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/ids.h"
#include "consensus/message.h"
#include "log.pb.h"
#include "meta.pb.h"
#include "peer.pb.h"

namespace metasrv::node {

// Values of consensus <-> their protobuf forms. Decoders check what the code behind them relies on.

[[nodiscard]] meta::LogId ToProto(const LogId& id);
[[nodiscard]] LogId FromProto(const meta::LogId& id);

[[nodiscard]] meta::Membership ToProto(const Membership& membership);
// None when a set is not strictly ascending. Does not ask for Validate(): a backup may hold, and thus a leader may
// replicate, a membership that breaks its other rules (export-format.md §11.4).
[[nodiscard]] std::optional<Membership> FromProto(const meta::Membership& membership);

[[nodiscard]] pb::MembershipIdentity ToProto(const MembershipIdentity& identity);
[[nodiscard]] MembershipIdentity FromProto(const pb::MembershipIdentity& identity);

// A membership and the entry it came from, as the state machine stores them.
[[nodiscard]] pb::StoredMembership ToStored(const SnapshotMeta& meta);
[[nodiscard]] std::optional<SnapshotMeta> FromStored(std::optional<LogId> last, const pb::StoredMembership& stored);

// The sender of everything that this node sends.
struct Sender {
  NodeId id;
  Endpoint endpoint;
  Incarnation incarnation{};
  ClusterId cluster{};
};

// Turns messages into the bytes of a PeerMessage. Entries that go to several peers are encoded once.
class MessageEncoder {
 public:
  explicit MessageEncoder(Sender sender) : sender_(std::move(sender)) {}

  // From now on messages say which cluster this node belongs to.
  void SetCluster(ClusterId cluster) { sender_.cluster = cluster; }

  [[nodiscard]] std::string Encode(NodeId to, const Message& message);
  [[nodiscard]] std::string Encode(NodeId to, pb::SnapshotOffer offer) const;
  [[nodiscard]] std::string Encode(NodeId to, pb::SnapshotChunk chunk) const;
  [[nodiscard]] std::string Encode(NodeId to, pb::SnapshotAck ack) const;
  [[nodiscard]] std::string Encode(NodeId to, pb::CheckpointReport report) const;
  [[nodiscard]] std::string Encode(NodeId to, pb::SnapshotRequest request) const;

  // Forgets the encoded entries; called when the peers of one step have been served.
  void DropCache() { cached_ = {}; }

 private:
  struct CachedEntries {
    LogId first;
    LogId last;
    std::size_t count = 0;
    std::string bytes;
  };
  [[nodiscard]] pb::PeerMessage Header(NodeId to) const;
  [[nodiscard]] std::string EncodeAppend(NodeId to, const AppendRequest& request);
  [[nodiscard]] const std::string& EncodedEntries(const std::vector<Entry>& entries);

  Sender sender_;
  CachedEntries cached_;
};

// A PeerMessage, checked.
struct Decoded {
  NodeId from;
  NodeId to;
  Endpoint sender;
  Incarnation incarnation;
  ClusterId cluster;
  std::variant<Message, pb::SnapshotOffer, pb::SnapshotChunk, pb::SnapshotAck, pb::CheckpointReport,
               pb::SnapshotRequest>
      body;
};

// Errors: none when the bytes are not a message that a node of this cluster can have sent.
[[nodiscard]] std::optional<Decoded> Decode(std::string_view bytes);

// The leader's time in a serialized pb::Command, without parsing the rest.
[[nodiscard]] std::optional<std::uint64_t> PeekTime(std::string_view command);

}  // namespace metasrv::node
