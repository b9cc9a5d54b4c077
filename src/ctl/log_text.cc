#include "ctl/log_text.h"

#include <functional>
#include <optional>
#include <string_view>

#include "ctl/command_text.h"

namespace metasrv::ctl {
namespace {

std::string VoterText(const NodeSet& ids, std::string_view open, std::string_view close) {
  std::string text;
  for (const NodeId id : ids) text += (text.empty() ? "" : ",") + std::to_string(id.value()) + ":EmptyNode";
  return std::string(open) + text + std::string(close);
}

std::string MembershipText(const Membership& membership) {
  std::string voters;
  for (const auto& config : membership.configs) voters += (voters.empty() ? "" : ",") + VoterText(config, "{", "}");
  return "membership:{voters:[" + voters + "], learners:" + VoterText(membership.Learners(), "[", "]") + "}";
}

std::optional<pb::Command> CommandOf(const Entry& entry) {
  pb::Command command;
  if (entry.kind != EntryKind::kNormal || !command.ParseFromString(*entry.payload)) return std::nullopt;
  return command;
}

// Values are shown without knowing the application's messages: what is known of one is its size, or its bytes.
std::string SizeText(const std::string& value) { return "unknown-prefix(" + std::to_string(value.size()) + " bytes)"; }

std::string ByteListText(const std::string& value) {
  std::string text = "[";
  for (const unsigned char byte : value) text += (text.size() > 1 ? ", " : "") + std::to_string(byte);
  return text + "]";
}

using Shown = std::function<std::string(const std::string&)>;

// One operation of a transaction at `path`, when it writes a value.
std::string WriteText(const std::string& path, const meta::TxnOp& op, bool raw, const Shown& shown) {
  std::string expiry;
  const auto add = [&expiry](const char* name, bool present, std::uint64_t value) {
    if (present) expiry += (expiry.empty() ? "" : ", ") + std::string(name) + "=" + std::to_string(value);
  };
  std::string what;
  if (op.has_put()) {
    what = ".put " + op.put().key();
    add("expire_at", op.put().has_expire_at(), op.put().expire_at());
    add("ttl_ms", op.put().has_ttl_ms(), op.put().ttl_ms());
  } else if (op.has_put_sequential()) {
    what = ".put_sequential " + op.put_sequential().prefix();
    add("expire_at", op.put_sequential().has_expires_at_ms(), op.put_sequential().expires_at_ms());
    add("ttl_ms", op.put_sequential().has_ttl_ms(), op.put_sequential().ttl_ms());
  } else {
    return "";
  }
  if (!raw && !expiry.empty()) what += " (" + expiry + ")";
  const std::string& value = op.has_put() ? op.put().value() : op.put_sequential().value();
  return "    " + path + what + (raw ? " raw:\n" : ":\n") + "      " + shown(value) + "\n";
}

std::string TransactionText(const meta::TxnRequest& txn, bool raw, const Shown& shown) {
  std::string text;
  const auto add = [&](const std::string& path, const auto& operations) {
    for (int i = 0; i < operations.size(); ++i) {
      text += WriteText(path + "[" + std::to_string(i) + "]", operations[i], raw, shown);
    }
  };
  for (int i = 0; i < txn.operations_size(); ++i) {
    add("txn.operations[" + std::to_string(i) + "].ops", txn.operations(i).operations());
  }
  add("txn.if_then", txn.if_then());
  add("txn.else_then", txn.else_then());
  return text;
}

std::string ValuesText(const Entry& entry, bool raw, const Shown& shown) {
  const auto command = CommandOf(entry);
  if (!command) return "";
  if (command->has_transaction()) return TransactionText(command->transaction(), raw, shown);
  if (!command->has_upsert_kv() || !command->upsert_kv().value().has_update()) return "";
  const auto& upsert = command->upsert_kv();
  return std::string(raw ? "    raw(" : "    value(") + upsert.key() + "): " + shown(upsert.value().update()) + "\n";
}

}  // namespace

std::string PayloadText(const Entry& entry) {
  if (entry.kind == EntryKind::kBlank) return "blank";
  if (entry.kind == EntryKind::kMembership) return MembershipText(*entry.membership);
  const auto command = CommandOf(entry);
  if (!command) return "Error: not a command";
  return "normal:" + CommandText(*command);
}

std::string VoteText(const backup::Vote& vote) {
  return "<T" + std::to_string(vote.term.value()) + "-N" + std::to_string(vote.node_id.value()) +
         (vote.committed ? ":Q>" : ":->");
}

std::string DecodedValuesText(const Entry& entry) { return ValuesText(entry, /*raw=*/false, &SizeText); }
std::string RawValuesText(const Entry& entry) { return ValuesText(entry, /*raw=*/true, &ByteListText); }

}  // namespace metasrv::ctl
