// Any bytes as what a node hears from another: refused, or understood and sent on as the same; and what these messages
// carry along: log entries, pieces of a snapshot, stored memberships, calls. The first byte says which.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/check.h"
#include "node/snapshot_pin.h"
#include "node/wire.h"
#include "peer.pb.h"
#include "sm/mem_store.h"
#include "sm/row_codec.h"
#include "sm/state_hash.h"

namespace metasrv::node {
namespace {

std::string Encoded(const Decoded& message) {
  MessageEncoder encoder({message.from, message.sender, message.incarnation, message.cluster});
  return std::visit([&](const auto& body) { return encoder.Encode(message.to, body); }, message.body);
}

// The rows of a piece, as the receiver takes them: the hash that is carried along is that of what was installed.
void CheckPiece(const pb::SnapshotChunk& chunk) {
  static_cast<void>(ChecksumOf(chunk));
  pb::StateRows pieces;
  if (!pieces.ParseFromString(chunk.rows())) return;
  sm::MemStore store;
  sm::RowsHash hash;
  std::vector<sm::Row> rows;
  for (const pb::StateRow& row : pieces.rows()) {
    if (store.Get(row.key())) return;  // no sender sends a row twice
    hash.Add(row.key(), row.value());
    const auto installer = store.NewInstaller();
    rows.emplace_back(row.key(), row.value());
    installer->Add(rows);
    installer->Commit([](bool ok) { CHECK(ok); });
  }
  CHECK_EQ(sm::ComputeStateHash(store), hash.value());
}

void CheckMessage(std::string_view bytes) {
  const auto message = Decode(bytes);
  if (!message) return;
  const std::string text = Encoded(*message);
  const auto again = Decode(text);
  CHECK(again.has_value());
  CHECK_EQ(again->body.index(), message->body.index());
  CHECK_EQ(Encoded(*again), text);
  if (const auto* chunk = std::get_if<pb::SnapshotChunk>(&message->body)) CheckPiece(*chunk);
}

void CheckStoredMembership(std::string_view bytes) {
  pb::StoredMembership stored;
  if (!stored.ParseFromString(std::string(bytes))) return;
  const auto meta = FromStored({}, stored);
  if (!meta) return;
  const auto again = FromStored({}, ToStored(*meta));
  CHECK(again.has_value());
  CHECK_EQ(ToStored(*again).SerializeAsString(), ToStored(*meta).SerializeAsString());
}

void CheckCall(std::string_view bytes) {
  pb::ForwardRequest request;
  if (!sm::ParseCommand(bytes, request)) return;
  const std::string text = request.SerializeAsString();
  pb::ForwardRequest again;
  CHECK(sm::ParseCommand(text, again));
  CHECK_EQ(again.SerializeAsString(), text);
  if (!request.has_write()) return;
  const std::string command = request.write().SerializeAsString();
  const auto time = PeekTime(command);
  CHECK_EQ(time.has_value(), request.write().has_time_ms());
  if (time) CHECK_EQ(*time, request.write().time_ms());
}

}  // namespace
}  // namespace metasrv::node

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'C': metasrv::node::CheckCall(bytes); break;
    case 'S': metasrv::node::CheckStoredMembership(bytes); break;
    case 'P': static_cast<void>(metasrv::node::PeekTime(bytes)); break;
    default: metasrv::node::CheckMessage(bytes); break;
  }
  return 0;
}
