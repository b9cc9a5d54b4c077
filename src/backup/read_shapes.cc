#include "backup/read_shapes.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace metasrv::backup {
namespace {

struct LeaderId {
  Term term;
  NodeId node_id;
};

bool ReadLeaderId(Cursor c, LeaderId* out) {
  return c.Object({Required("term", U64([=](auto v) { out->term = Term(v); })),
                   Required("node_id", U64([=](auto v) { out->node_id = NodeId(v); }))});
}

bool ReadKvMeta(Cursor c, meta::KVMeta* out) {
  return c.Object({Optional("expire_at", U64([=](auto v) { out->set_expire_at(v); })),
                   Optional("proposed_at_ms", U64([=](auto v) { out->set_proposed_at_ms(v); }))});
}

bool ReadPort(Cursor c, std::uint16_t* out) {
  std::uint64_t port = 0;
  if (!c.U64UpTo(std::numeric_limits<std::uint16_t>::max(), &port)) return false;
  *out = static_cast<std::uint16_t>(port);
  return true;
}

bool ReadNodeSet(Cursor c, NodeSet* out) {
  if (!c.Array(U64([=](auto id) { out->push_back(NodeId(id)); }))) return false;
  std::ranges::sort(*out);
  out->erase(std::unique(out->begin(), out->end()), out->end());
  return true;
}

// `{"<id>":{}..}`: ids as decimal text, contents without meaning.
bool ReadNodeKeys(Cursor c, NodeSet* out) {
  auto entry = [&](std::string_view name, Cursor value) {
    std::uint64_t id = 0;
    auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    bool leading_zero = name.size() > 1 && name[0] == '0';
    if (error != std::errc() || end != name.data() + name.size() || leading_zero) {
      return value.Fail("invalid node id `" + std::string(name) + "`");
    }
    out->push_back(NodeId(id));
    return value.Object({});
  };
  if (!c.Map(entry)) return false;
  std::ranges::sort(*out);
  out->erase(std::unique(out->begin(), out->end()), out->end());
  return true;
}

}  // namespace

bool ReadLogId(Cursor c, LogId* out) {
  LeaderId leader;
  if (!c.Object({Required("leader_id", As(ReadLeaderId, &leader)),
                 Required("index", U64([=](auto v) { out->index = LogIndex(v); }))})) {
    return false;
  }
  out->term = leader.term;
  out->leader = leader.node_id;
  return true;
}

bool ReadOptionalLogId(Cursor c, std::optional<LogId>* out) {
  bool null = false;
  if (!c.IsNull(&null)) return false;
  return null || ReadLogId(c, &out->emplace());
}

bool ReadVote(Cursor c, Vote* out) {
  LeaderId leader;
  if (!c.Object({Required("leader_id", As(ReadLeaderId, &leader)),
                 Required("committed", Bool([=](bool v) { out->committed = v; }))})) {
    return false;
  }
  out->term = leader.term;
  out->node_id = leader.node_id;
  return true;
}

bool ReadOptionalVote(Cursor c, std::optional<Vote>* out) {
  bool null = false;
  if (!c.IsNull(&null)) return false;
  return null || ReadVote(c, &out->emplace());
}

bool ReadEndpoint(Cursor c, Endpoint* out) {
  return c.Object({Required("addr", String(&out->host)), Required("port", As(ReadPort, &out->port))});
}

bool ReadNode(Cursor c, meta::Node* out) {
  Endpoint endpoint;
  if (!c.Object({Required("name", String(out->mutable_name())), Required("endpoint", As(ReadEndpoint, &endpoint)),
                 Optional("grpc_api_advertise_address",
                          [=](Cursor text) { return text.String(out->mutable_grpc_api_advertise_address()); })})) {
    return false;
  }
  out->set_addr(endpoint.host);
  out->set_port(endpoint.port);
  return true;
}

bool ReadMembership(Cursor c, Membership* out) {
  return c.Object(
      {Required("configs", Each([=](Cursor config) { return ReadNodeSet(config, &out->configs.emplace_back()); })),
       Required("nodes", As(ReadNodeKeys, &out->nodes))});
}

bool ReadStoredMembership(Cursor c, pb::StoredMembership* out) {
  std::optional<LogId> id;
  Membership membership;
  if (!c.Object(
          {Optional("log_id", As(ReadOptionalLogId, &id)), Required("membership", As(ReadMembership, &membership))})) {
    return false;
  }
  if (id.has_value()) *out->mutable_log_id() = ToProto(*id);
  *out->mutable_membership() = ToProto(membership);
  return true;
}

bool ReadSeqV(Cursor c, meta::SeqV* out) {
  return c.Object({Required("seq", U64([=](auto v) { out->set_seq(v); })),
                   Optional("meta", [=](Cursor meta) { return ReadKvMeta(meta, out->mutable_meta()); }),
                   Required("data", Bytes(out->mutable_data()))});
}

}  // namespace metasrv::backup
