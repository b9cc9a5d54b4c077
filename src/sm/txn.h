#pragma once

#include "log.pb.h"
#include "meta.pb.h"
#include "sm/upsert.h"

namespace metasrv::sm {

// Runs all operations of the first branch whose predicate holds (kv-semantics.md §6). Predicates are evaluated before
// anything runs, and nothing is ever rolled back.
void RunTransaction(const EntryContext& entry, const meta::TxnRequest& request, meta::TxnReply& reply);
void RunKvTransaction(const EntryContext& entry, const pb::KvTxn& request, meta::KvTransactionReply& reply);

}  // namespace metasrv::sm
