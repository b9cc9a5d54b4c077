#include "io/real/log_codec.h"

#include <memory>
#include <utility>

#include "common/check.h"
#include "common/prng.h"

namespace metasrv::io {
namespace {

constexpr std::size_t kNumberBytes = 8;

void PutNumber(std::string& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

std::uint64_t NumberAt(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < kNumberBytes; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::uint64_t Checksum(std::string_view key, std::string_view head, std::string_view payload) {
  return Hash64(payload, Hash64(head, Hash64(key)));
}

// Reads what the encoders below wrote; one step past the end makes it bad for good.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : left_(bytes) {}

  std::uint64_t Number() {
    if (left_.size() < kNumberBytes) return Bad();
    const std::uint64_t value = NumberAt(left_);
    left_.remove_prefix(kNumberBytes);
    return value;
  }
  unsigned char Byte() {
    if (left_.empty()) return static_cast<unsigned char>(Bad());
    const char value = left_.front();
    left_.remove_prefix(1);
    return static_cast<unsigned char>(value);
  }
  // A list length, bounded by what is left so that a bad one cannot ask for memory.
  std::size_t Count() {
    const std::uint64_t count = Number();
    return count <= left_.size() / kNumberBytes ? static_cast<std::size_t>(count) : static_cast<std::size_t>(Bad());
  }
  [[nodiscard]] std::string_view left() const { return left_; }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool AtEnd() const { return ok_ && left_.empty(); }

 private:
  std::uint64_t Bad() {
    ok_ = false;
    left_ = {};
    return 0;
  }

  std::string_view left_;
  bool ok_ = true;
};

std::string Printable(std::string_view key) {
  const auto number = NumberOfKey(key);
  if (number && key.front() == kEntryTable) return "entry " + std::to_string(*number);
  if (number && key.front() == kBatchTable) return "batch " + std::to_string(*number);
  return "row '" + std::string(key) + "'";
}

std::unexpected<Error> Corrupt(std::string_view key, const char* why) {
  return std::unexpected(Error{ErrorKind::kCorrupt, "raft log: " + Printable(key) + ": " + why});
}

std::string Seal(std::string_view key, std::string_view head, std::string_view payload) {
  std::string sealed;
  sealed.reserve(kNumberBytes + head.size());
  PutNumber(sealed, Checksum(key, head, payload));
  sealed += head;
  return sealed;
}

// The bytes behind a correct checksum.
std::expected<std::string_view, Error> Unseal(std::string_view key, std::string_view value, std::size_t head_bytes) {
  if (value.size() < kNumberBytes + head_bytes) return Corrupt(key, "it is too short");
  const std::string_view head = value.substr(kNumberBytes, head_bytes);
  const std::string_view payload = value.substr(kNumberBytes + head_bytes);
  if (NumberAt(value) != Checksum(key, head, payload)) return Corrupt(key, "wrong checksum");
  return value.substr(kNumberBytes);
}

void PutSet(std::string& out, const NodeSet& set) {
  PutNumber(out, set.size());
  for (const NodeId id : set) PutNumber(out, id.value());
}

NodeSet TakeSet(Cursor& in) {
  NodeSet set;
  for (std::size_t left = in.Count(); left > 0; --left) set.push_back(NodeId(in.Number()));
  return set;
}

void PutMembership(std::string& out, const Membership& membership) {
  PutNumber(out, membership.configs.size());
  for (const NodeSet& config : membership.configs) PutSet(out, config);
  PutSet(out, membership.nodes);
  PutNumber(out, membership.identity.cluster.value());
  PutNumber(out, membership.identity.disks.size());
  for (const RecordedDisk& recorded : membership.identity.disks) {
    PutNumber(out, recorded.node.value());
    PutNumber(out, recorded.disk.value());
  }
}

Membership TakeMembership(Cursor& in) {
  Membership membership;
  for (std::size_t left = in.Count(); left > 0; --left) membership.configs.push_back(TakeSet(in));
  membership.nodes = TakeSet(in);
  membership.identity.cluster = ClusterId(in.Number());
  for (std::size_t left = in.Count(); left > 0; --left) {
    const NodeId id(in.Number());
    membership.identity.disks.push_back({id, Incarnation(in.Number())});
  }
  return membership;
}

// Kind, term, leader; a membership follows as part of the payload.
constexpr std::size_t kEntryHeadBytes = 1 + 2 * kNumberBytes;

void PutLogId(std::string& out, const LogId& id) {
  PutNumber(out, id.term.value());
  PutNumber(out, id.leader.value());
  PutNumber(out, id.index.value());
}

}  // namespace

std::string NumberedKey(char table, std::uint64_t number) {
  std::string key(1, table);
  PutNumber(key, number);
  return key;
}

std::optional<std::uint64_t> NumberOfKey(std::string_view key) {
  if (key.size() != 1 + kNumberBytes) return std::nullopt;
  return NumberAt(key.substr(1));
}

std::string_view EntryPayload(const Entry& entry) {
  return entry.kind == EntryKind::kNormal ? std::string_view(*entry.payload) : std::string_view();
}

std::string EncodeEntryHead(std::string_view key, const Entry& entry) {
  std::string head(1, static_cast<char>(entry.kind));
  PutNumber(head, entry.id.term.value());
  PutNumber(head, entry.id.leader.value());
  if (entry.kind != EntryKind::kMembership) return Seal(key, head, EntryPayload(entry));
  std::string body;
  PutMembership(body, *entry.membership);
  return Seal(key, head, body) + body;
}

std::expected<Entry, Error> DecodeEntry(std::string_view key, std::string_view value) {
  const auto index = NumberOfKey(key);
  if (!index) return Corrupt(key, "it is not an entry's key");
  const auto bytes = Unseal(key, value, kEntryHeadBytes);
  if (!bytes) return std::unexpected(bytes.error());
  Cursor in(*bytes);
  const auto kind = static_cast<EntryKind>(in.Byte());
  const Term term(in.Number());
  const LogId id{term, NodeId(in.Number()), LogIndex(*index)};
  if (kind == EntryKind::kNormal) return Entry::Normal(id, std::string(in.left()));
  if (kind == EntryKind::kMembership) {
    Membership membership = TakeMembership(in);
    if (in.AtEnd()) return Entry::OfMembership(id, std::move(membership));
  }
  if (kind == EntryKind::kBlank && in.AtEnd()) return Entry::Blank(id);
  return Corrupt(key, "it makes no sense");
}

std::string EncodeNodeId(NodeId id) {
  std::string head;
  PutNumber(head, id.value());
  return Seal(kNodeIdRow, head, {});
}

std::expected<NodeId, Error> DecodeNodeId(std::string_view value) {
  const auto bytes = Unseal(kNodeIdRow, value, kNumberBytes);
  if (!bytes) return std::unexpected(bytes.error());
  return NodeId(NumberAt(*bytes));
}

std::string EncodeIncarnation(Incarnation incarnation) {
  std::string head;
  PutNumber(head, incarnation.value());
  return Seal(kIncarnationRow, head, {});
}

std::expected<Incarnation, Error> DecodeIncarnation(std::string_view value) {
  const auto bytes = Unseal(kIncarnationRow, value, kNumberBytes);
  if (!bytes) return std::unexpected(bytes.error());
  return Incarnation(NumberAt(*bytes));
}

std::string EncodeHardState(const HardState& state) {
  std::string head;
  PutNumber(head, state.term.value());
  PutNumber(head, state.voted_for.value_or(NodeId()).value());
  head.push_back(static_cast<char>((state.voted_for ? 1 : 0) | (state.leader_established ? 2 : 0)));
  return Seal(kHardStateRow, head, {});
}

std::expected<HardState, Error> DecodeHardState(std::string_view value) {
  const auto bytes = Unseal(kHardStateRow, value, 2 * kNumberBytes + 1);
  if (!bytes) return std::unexpected(bytes.error());
  Cursor in(*bytes);
  HardState state;
  state.term = Term(in.Number());
  const NodeId voted_for(in.Number());
  const unsigned flags = in.Byte();
  if ((flags & 1U) != 0) state.voted_for = voted_for;
  state.leader_established = (flags & 2U) != 0;
  return state;
}

std::string EncodeLogId(std::string_view key, const LogId& id) {
  std::string head;
  PutLogId(head, id);
  return Seal(key, head, {});
}

std::expected<LogId, Error> DecodeLogId(std::string_view key, std::string_view value) {
  const auto bytes = Unseal(key, value, 3 * kNumberBytes);
  if (!bytes) return std::unexpected(bytes.error());
  Cursor in(*bytes);
  const Term term(in.Number());
  const NodeId leader(in.Number());
  return LogId{term, leader, LogIndex(in.Number())};
}

std::string EncodeExtent(std::string_view key, const LogExtent& extent) {
  std::string head;
  PutNumber(head, extent.first.value());
  PutNumber(head, extent.end.value());
  head.push_back(extent.anchored ? 1 : 0);
  return Seal(key, head, {});
}

std::expected<LogExtent, Error> DecodeExtent(std::string_view key, std::string_view value) {
  const auto bytes = Unseal(key, value, 2 * kNumberBytes + 1);
  if (!bytes) return std::unexpected(bytes.error());
  Cursor in(*bytes);
  const LogIndex first(in.Number());
  const LogIndex end(in.Number());
  return LogExtent{first, end, in.Byte() != 0};
}

}  // namespace metasrv::io
