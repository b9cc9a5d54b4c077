#include "node/wire.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <utility>

#include "common/check.h"

namespace metasrv::node {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;

bool StrictlyAscending(const NodeSet& set) {
  return std::adjacent_find(set.begin(), set.end(), [](NodeId a, NodeId b) { return a >= b; }) == set.end();
}

template <class Ids>
NodeSet ToNodeSet(const Ids& ids) {
  NodeSet set;
  set.reserve(static_cast<std::size_t>(ids.size()));
  for (const auto id : ids) set.push_back(NodeId(id));
  return set;
}

void AppendVarint(std::string& out, std::uint64_t value) {
  std::uint8_t buffer[10];
  const std::uint8_t* end = CodedOutputStream::WriteVarint64ToArray(value, buffer);
  out.append(reinterpret_cast<const char*>(buffer), static_cast<std::size_t>(end - buffer));
}

// Starts a length-delimited field; the caller appends `size` bytes.
void AppendFieldHead(std::string& out, int field, std::size_t size) {
  AppendVarint(out, WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
  AppendVarint(out, size);
}

std::size_t FieldHeadSize(std::size_t size) { return 1 + CodedOutputStream::VarintSize64(size); }

// Appends one RaftEntry as a field of RaftAppendRequest. Payloads are copied straight into the message: through a
// protobuf object they would be copied twice.
void AppendEntry(std::string& out, const Entry& entry) {
  pb::RaftEntry head;
  *head.mutable_id() = ToProto(entry.id);
  if (entry.kind == EntryKind::kMembership) {
    *head.mutable_membership() = ToProto(*entry.membership);
    *head.mutable_identity() = ToProto(entry.membership->identity);
  }
  const std::size_t head_size = head.ByteSizeLong();
  const bool normal = entry.kind == EntryKind::kNormal;
  const std::size_t payload_size = normal ? entry.payload->size() : 0;
  const std::size_t size = head_size + (normal ? FieldHeadSize(payload_size) + payload_size : 0);
  AppendFieldHead(out, pb::RaftAppendRequest::kEntriesFieldNumber, size);
  CHECK(head.AppendToString(&out));
  if (!normal) return;
  AppendFieldHead(out, pb::RaftEntry::kNormalFieldNumber, payload_size);
  out += *entry.payload;
}

template <class T>
std::optional<LogId> MaybeId(bool present, const T& id) {
  return present ? std::optional(FromProto(id)) : std::nullopt;
}

std::optional<Entry> ToEntry(pb::RaftEntry& entry) {
  const LogId id = FromProto(entry.id());
  if (entry.has_normal()) return Entry::Normal(id, std::move(*entry.mutable_normal()));
  if (!entry.has_membership()) return Entry::Blank(id);
  auto membership = FromProto(entry.membership());
  if (!membership) return std::nullopt;
  membership->identity = FromProto(entry.identity());
  return Entry::OfMembership(id, std::move(*membership));
}

// Entries must follow `prev` without a gap and with terms that never fall and never exceed the leader's.
bool Contiguous(const AppendRequest& request) {
  std::uint64_t next = request.prev ? request.prev->index.value() + 1 : 0;
  Term term = request.prev ? request.prev->term : Term(0);
  for (const Entry& entry : request.entries) {
    if (entry.id.index.value() != next++ || entry.id.term < term || entry.id.term > request.term) return false;
    term = entry.id.term;
  }
  return term <= request.term;
}

std::optional<Message> ToMessage(const pb::RaftVoteRequest& m) {
  return VoteRequest{
      Term(m.term()),   m.pre_vote(), MaybeId(m.has_last(), m.last()), m.transfer(), Incarnation(m.recorded()),
      m.indispensable()};
}

std::optional<Message> ToMessage(const pb::RaftVoteResponse& m) {
  return VoteResponse{Term(m.term()), m.pre_vote(), m.granted()};
}

std::optional<Message> ToMessage(pb::RaftAppendRequest& m) {
  AppendRequest request{Term(m.term()), MaybeId(m.has_prev(), m.prev()), {}, LogIndex(m.commit_end()),
                        m.round(),      Incarnation(m.recorded())};
  request.entries.reserve(static_cast<std::size_t>(m.entries_size()));
  for (pb::RaftEntry& bytes : *m.mutable_entries()) {
    auto entry = ToEntry(bytes);
    if (!entry) return std::nullopt;
    request.entries.push_back(std::move(*entry));
  }
  if (!Contiguous(request)) return std::nullopt;
  return request;
}

std::optional<Message> ToMessage(const pb::RaftAppendResponse& m) {
  if (m.disk() > static_cast<std::uint32_t>(DiskLevel::kStalled)) return std::nullopt;
  AppendResponse response{Term(m.term()),
                          m.success(),
                          LogIndex(m.end()),
                          std::nullopt,
                          std::nullopt,
                          m.round(),
                          static_cast<DiskLevel>(m.disk()),
                          m.no_space()};
  if (m.has_hint_term()) response.hint_term = Term(m.hint_term());
  response.refused = MaybeId(m.has_refused(), m.refused());
  return response;
}

std::optional<Message> ToMessage(const pb::RaftReadIndexRequest& m) {
  return ReadIndexRequest{Term(m.term()), RequestId(m.id())};
}

std::optional<Message> ToMessage(const pb::RaftReadIndexResponse& m) {
  ReadIndexResponse response{Term(m.term()), RequestId(m.id()), std::nullopt};
  if (m.has_end()) response.end = LogIndex(m.end());
  return response;
}

std::optional<Message> ToMessage(const pb::RaftTimeoutNow& m) { return TimeoutNow{Term(m.term())}; }

void Fill(pb::PeerMessage& out, const VoteRequest& m) {
  auto* body = out.mutable_vote_request();
  body->set_term(m.term.value());
  body->set_pre_vote(m.pre_vote);
  body->set_transfer(m.transfer);
  if (m.last) *body->mutable_last() = ToProto(*m.last);
  body->set_recorded(m.recorded.value());
  body->set_indispensable(m.indispensable);
}

void Fill(pb::PeerMessage& out, const VoteResponse& m) {
  auto* body = out.mutable_vote_response();
  body->set_term(m.term.value());
  body->set_pre_vote(m.pre_vote);
  body->set_granted(m.granted);
}

void Fill(pb::PeerMessage& out, const AppendResponse& m) {
  auto* body = out.mutable_append_response();
  body->set_term(m.term.value());
  body->set_success(m.success);
  body->set_end(m.end.value());
  if (m.hint_term) body->set_hint_term(m.hint_term->value());
  if (m.refused) *body->mutable_refused() = ToProto(*m.refused);
  body->set_round(m.round);
  body->set_disk(static_cast<std::uint32_t>(m.disk));
  body->set_no_space(m.no_space);
}

void Fill(pb::PeerMessage& out, const TimeoutNow& m) { out.mutable_timeout_now()->set_term(m.term.value()); }

void Fill(pb::PeerMessage& out, const ReadIndexRequest& m) {
  auto* body = out.mutable_read_index_request();
  body->set_term(m.term.value());
  body->set_id(m.id.value());
}

void Fill(pb::PeerMessage& out, const ReadIndexResponse& m) {
  auto* body = out.mutable_read_index_response();
  body->set_term(m.term.value());
  body->set_id(m.id.value());
  if (m.end) body->set_end(m.end->value());
}

std::optional<Message> ToMessage(pb::PeerMessage& message) {
  switch (message.body_case()) {
    case pb::PeerMessage::kVoteRequest: return ToMessage(message.vote_request());
    case pb::PeerMessage::kVoteResponse: return ToMessage(message.vote_response());
    case pb::PeerMessage::kAppendRequest: return ToMessage(*message.mutable_append_request());
    case pb::PeerMessage::kAppendResponse: return ToMessage(message.append_response());
    case pb::PeerMessage::kReadIndexRequest: return ToMessage(message.read_index_request());
    case pb::PeerMessage::kReadIndexResponse: return ToMessage(message.read_index_response());
    case pb::PeerMessage::kTimeoutNow: return ToMessage(message.timeout_now());
    default: return std::nullopt;
  }
}

}  // namespace

meta::LogId ToProto(const LogId& id) {
  meta::LogId out;
  out.set_term(id.term.value());
  out.set_node_id(id.leader.value());
  out.set_index(id.index.value());
  return out;
}

LogId FromProto(const meta::LogId& id) { return {Term(id.term()), NodeId(id.node_id()), LogIndex(id.index())}; }

meta::Membership ToProto(const Membership& membership) {
  meta::Membership out;
  for (const NodeSet& config : membership.configs) {
    auto* group = out.add_configs();
    for (const NodeId id : config) group->add_node_ids(id.value());
  }
  for (const NodeId id : membership.nodes) out.add_nodes(id.value());
  return out;
}

std::optional<Membership> FromProto(const meta::Membership& membership) {
  Membership out;
  for (const auto& group : membership.configs()) out.configs.push_back(ToNodeSet(group.node_ids()));
  out.nodes = ToNodeSet(membership.nodes());
  const bool sorted = std::ranges::all_of(out.configs, StrictlyAscending) && StrictlyAscending(out.nodes);
  return sorted ? std::optional(std::move(out)) : std::nullopt;
}

pb::MembershipIdentity ToProto(const MembershipIdentity& identity) {
  pb::MembershipIdentity out;
  out.set_cluster_id(identity.cluster.value());
  for (const RecordedDisk& disk : identity.disks) {
    auto* recorded = out.add_disks();
    recorded->set_node_id(disk.node.value());
    recorded->set_incarnation(disk.disk.value());
  }
  return out;
}

MembershipIdentity FromProto(const pb::MembershipIdentity& identity) {
  MembershipIdentity out;
  out.cluster = ClusterId(identity.cluster_id());
  for (const pb::RecordedDisk& disk : identity.disks()) {
    out.disks.push_back({NodeId(disk.node_id()), Incarnation(disk.incarnation())});
  }
  return out;
}

pb::StoredMembership ToStored(const SnapshotMeta& meta) {
  pb::StoredMembership out;
  if (meta.membership_id) *out.mutable_log_id() = ToProto(*meta.membership_id);
  *out.mutable_membership() = ToProto(meta.membership);
  *out.mutable_identity() = ToProto(meta.membership.identity);
  return out;
}

std::optional<SnapshotMeta> FromStored(std::optional<LogId> last, const pb::StoredMembership& stored) {
  auto membership = FromProto(stored.membership());
  if (!membership) return std::nullopt;
  membership->identity = FromProto(stored.identity());
  return SnapshotMeta{last, MaybeId(stored.has_log_id(), stored.log_id()), std::move(*membership)};
}

pb::PeerMessage MessageEncoder::Header(NodeId to) const {
  pb::PeerMessage out;
  out.set_from(sender_.id.value());
  out.set_to(to.value());
  out.set_from_host(sender_.endpoint.host);
  out.set_from_port(sender_.endpoint.port);
  out.set_incarnation(sender_.incarnation.value());
  out.set_cluster_id(sender_.cluster.value());
  return out;
}

std::string MessageEncoder::Encode(NodeId to, const Message& message) {
  return std::visit(
      [&](const auto& body) {
        if constexpr (std::is_same_v<std::decay_t<decltype(body)>, AppendRequest>) {
          return EncodeAppend(to, body);
        } else {
          pb::PeerMessage out = Header(to);
          Fill(out, body);
          return out.SerializeAsString();
        }
      },
      message);
}

std::string MessageEncoder::Encode(NodeId to, pb::SnapshotOffer offer) const {
  pb::PeerMessage out = Header(to);
  *out.mutable_snapshot_offer() = std::move(offer);
  return out.SerializeAsString();
}

std::string MessageEncoder::Encode(NodeId to, pb::SnapshotChunk chunk) const {
  pb::PeerMessage out = Header(to);
  *out.mutable_snapshot_chunk() = std::move(chunk);
  return out.SerializeAsString();
}

std::string MessageEncoder::Encode(NodeId to, pb::SnapshotAck ack) const {
  pb::PeerMessage out = Header(to);
  *out.mutable_snapshot_ack() = std::move(ack);
  return out.SerializeAsString();
}

std::string MessageEncoder::Encode(NodeId to, pb::CheckpointReport report) const {
  pb::PeerMessage out = Header(to);
  *out.mutable_checkpoint_report() = std::move(report);
  return out.SerializeAsString();
}

std::string MessageEncoder::Encode(NodeId to, pb::SnapshotRequest request) const {
  pb::PeerMessage out = Header(to);
  *out.mutable_snapshot_request() = request;
  return out.SerializeAsString();
}

const std::string& MessageEncoder::EncodedEntries(const std::vector<Entry>& entries) {
  const LogId first = entries.front().id;
  const LogId last = entries.back().id;
  if (cached_.count == entries.size() && cached_.first == first && cached_.last == last) return cached_.bytes;
  cached_ = {first, last, entries.size(), {}};
  std::size_t size = 0;
  for (const Entry& entry : entries) size += entry.ByteSize() + 48;
  cached_.bytes.reserve(size);
  for (const Entry& entry : entries) AppendEntry(cached_.bytes, entry);
  return cached_.bytes;
}

// A protobuf message is the concatenation of its fields, so the entries are appended to the small rest.
std::string MessageEncoder::EncodeAppend(NodeId to, const AppendRequest& request) {
  pb::RaftAppendRequest head;
  head.set_term(request.term.value());
  if (request.prev) *head.mutable_prev() = ToProto(*request.prev);
  head.set_commit_end(request.commit_end.value());
  head.set_round(request.round);
  head.set_recorded(request.recorded.value());
  const std::size_t head_size = head.ByteSizeLong();
  const std::string_view entries =
      request.entries.empty() ? std::string_view() : std::string_view(EncodedEntries(request.entries));

  const pb::PeerMessage envelope = Header(to);
  std::string out;
  out.reserve(envelope.ByteSizeLong() + FieldHeadSize(head_size + entries.size()) + head_size + entries.size());
  CHECK(envelope.AppendToString(&out));
  AppendFieldHead(out, pb::PeerMessage::kAppendRequestFieldNumber, head_size + entries.size());
  CHECK(head.AppendToString(&out));
  out += entries;
  return out;
}

std::optional<Decoded> Decode(std::string_view bytes) {
  pb::PeerMessage message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
  if (message.from_port() > UINT16_MAX) return std::nullopt;
  Decoded out{NodeId(message.from()),
              NodeId(message.to()),
              {message.from_host(), static_cast<std::uint16_t>(message.from_port())},
              Incarnation(message.incarnation()),
              ClusterId(message.cluster_id()),
              {}};
  if (message.has_checkpoint_report()) {
    out.body = std::move(*message.mutable_checkpoint_report());
  } else if (message.has_snapshot_request()) {
    out.body = message.snapshot_request();
  } else if (message.has_snapshot_offer()) {
    out.body = std::move(*message.mutable_snapshot_offer());
  } else if (message.has_snapshot_chunk()) {
    out.body = std::move(*message.mutable_snapshot_chunk());
  } else if (message.has_snapshot_ack()) {
    out.body = std::move(*message.mutable_snapshot_ack());
  } else {
    auto body = ToMessage(message);
    if (!body) return std::nullopt;
    out.body = std::move(*body);
  }
  return out;
}

std::optional<std::uint64_t> PeekTime(std::string_view command) {
  // Serialization writes fields in ascending order, so the time, field 1, comes first when it is there.
  constexpr char kTimeTag = 0x08;
  if (command.empty() || command.front() != kTimeTag) return std::nullopt;
  CodedInputStream in(reinterpret_cast<const std::uint8_t*>(command.data()) + 1, static_cast<int>(command.size()) - 1);
  std::uint64_t time = 0;
  return in.ReadVarint64(&time) ? std::optional(time) : std::nullopt;
}

}  // namespace metasrv::node
