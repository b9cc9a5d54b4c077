#include "sm/growth.h"

#include <algorithm>

namespace metasrv::sm {
namespace {

bool Writes(const meta::TxnOp& operation) {
  return operation.has_put() || operation.has_fetch_increase_u64() || operation.has_put_sequential();
}

template <class Operations>
bool AnyWrites(const Operations& operations) {
  return std::ranges::any_of(operations, Writes);
}

bool BranchWrites(const auto& branch) { return AnyWrites(branch.operations()); }

}  // namespace

bool MayGrow(const pb::Command& command) {
  if (command.has_upsert_kv()) return !command.upsert_kv().value().has_delete_();
  const meta::TxnRequest& txn = command.transaction();
  return AnyWrites(txn.if_then()) || AnyWrites(txn.else_then()) ||
         std::ranges::any_of(txn.operations(), [](const auto& branch) { return BranchWrites(branch); }) ||
         std::ranges::any_of(command.kv_transaction().branches(),
                             [](const auto& branch) { return BranchWrites(branch); });
}

}  // namespace metasrv::sm
