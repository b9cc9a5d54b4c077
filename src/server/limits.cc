#include "server/limits.h"

#include <google/protobuf/repeated_field.h>

#include <algorithm>

#include "log.pb.h"

namespace metasrv::server {
namespace {

using Refusal = std::optional<std::string>;
using Operations = google::protobuf::RepeatedPtrField<meta::TxnOp>;

// Long keys are cut for the error text, between two characters.
std::string Shown(const std::string& key) {
  std::size_t length = std::min(key.size(), std::size_t{64});
  while (length > 0 && length < key.size() && (static_cast<unsigned char>(key[length]) >> 6) == 2) --length;
  return "'" + key.substr(0, length) + (length < key.size() ? "…'" : "'");
}

Refusal Exceeds(const std::string& what, std::uint64_t count, std::uint64_t max, const char* unit, const char* key) {
  if (max == 0 || count <= max) return std::nullopt;
  return what + " has " + std::to_string(count) + " " + unit + ", at most " + std::to_string(max) +
         " are allowed: split or shorten it, or raise `grpc_limits." + key + "`";
}

class Judge {
 public:
  explicit Judge(const RequestLimits& limits) : limits_(limits) {}

  [[nodiscard]] Refusal Key(const std::string& key) const {
    return Exceeds("the key " + Shown(key), key.size(), limits_.key_bytes_max, "bytes", "key_bytes_max");
  }

  [[nodiscard]] Refusal Record(const std::string& key, const std::string& value) const {
    if (auto refusal = Key(key)) return refusal;
    return Exceeds("the value of " + Shown(key), value.size(), limits_.value_bytes_max, "bytes", "value_bytes_max");
  }

  [[nodiscard]] Refusal Operation(const meta::TxnOp& op) const {
    switch (op.request_case()) {
      case meta::TxnOp::kPut: return Record(op.put().key(), op.put().value());
      case meta::TxnOp::kFetchIncreaseU64: return Key(op.fetch_increase_u64().key());
      case meta::TxnOp::kPutSequential:
        if (auto refusal = Key(op.put_sequential().sequence_key())) return refusal;
        return Record(op.put_sequential().prefix(), op.put_sequential().value());
      default: return std::nullopt;
    }
  }

  // Judges a part of a transaction.
  [[nodiscard]] Refusal Add(const Operations& operations) {
    count_ += static_cast<std::uint64_t>(operations.size());
    for (const meta::TxnOp& op : operations) {
      if (auto refusal = Operation(op)) return refusal;
    }
    return Exceeds("the transaction", count_, limits_.txn_operations_max, "operations", "txn_operations_max");
  }

  [[nodiscard]] Refusal Branches(const auto& branches) {
    for (const auto& branch : branches) {
      if (auto refusal = Add(branch.operations())) return refusal;
    }
    return std::nullopt;
  }

 private:
  const RequestLimits& limits_;
  std::uint64_t count_ = 0;
};

}  // namespace

std::optional<std::string> WhyTooLarge(const pb::Command& command, const RequestLimits& limits) {
  Judge judge(limits);
  if (command.has_upsert_kv()) {
    const pb::UpsertKv& upsert = command.upsert_kv();
    if (!upsert.value().has_update()) return std::nullopt;
    return judge.Record(upsert.key(), upsert.value().update());
  }
  if (command.has_kv_transaction()) return judge.Branches(command.kv_transaction().branches());
  const meta::TxnRequest& txn = command.transaction();
  if (auto refusal = judge.Branches(txn.operations())) return refusal;
  if (auto refusal = judge.Add(txn.if_then())) return refusal;
  return judge.Add(txn.else_then());
}

}  // namespace metasrv::server
