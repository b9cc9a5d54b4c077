#include <map>
#include <utility>

#include "common/check.h"
#include "sm/layout.h"
#include "sm/read.h"
#include "tests/sm/notation.h"

namespace metasrv::testing {
namespace {

using ExpireIndex = std::map<std::pair<std::uint64_t, std::uint64_t>, std::string>;

ExpireIndex IndexOf(const SmModel& state) {
  ExpireIndex index;
  for (const auto& [key, record] : state.records) {
    if (!record.meta().has_expire_at()) continue;
    index[{sm::ExpireMillis(record.meta().expire_at()), record.seq()}] = key;
  }
  return index;
}

ExpireIndex StoredIndex(const sm::Reader& store) {
  ExpireIndex index;
  const std::string table(1, sm::kExpireTable);
  for (auto rows = store.Scan(table, sm::PrefixEnd(table)); rows->Valid(); rows->Next()) {
    pb::ExpireValue value;
    CHECK(value.ParseFromString(std::string(rows->value())));
    CHECK_EQ(value.seq(), 1U);
    index[sm::TimeAndSeqOfExpireRow(rows->key())] = value.key();
  }
  return index;
}

}  // namespace

sm::WriteBatch RowsOf(const SmModel& state) {
  sm::WriteBatch rows;
  for (const auto& [key, record] : state.records) rows.Put(sm::RecordRow(key), record.SerializeAsString());
  for (const auto& [time_and_seq, key] : IndexOf(state)) {
    pb::ExpireValue value;
    value.set_seq(1);
    value.set_key(key);
    rows.Put(sm::ExpireRow(time_and_seq.first, time_and_seq.second), value.SerializeAsString());
  }
  for (const auto& [id, node] : state.nodes) rows.Put(sm::NodeRow(NodeId(id)), node.SerializeAsString());
  for (const auto& name : state.features) rows.Put(sm::FeatureRow(name), "");
  if (state.seq > 0) rows.Put(std::string(sm::kLastSeqRow), std::to_string(state.seq));
  return rows;
}

SmModel StateOf(const sm::Reader& store) {
  SmModel state;
  sm::PrefixScan records(store, "", WallMillis(0));
  while (const auto item = records.Next()) state.records[item->key()] = item->value();
  state.seq = sm::ReadLastSeq(store);
  for (const auto& [id, node] : sm::ReadNodes(store)) state.nodes[id.value()] = node;
  for (const auto& name : sm::ReadFeatures(store)) state.features.insert(name);
  CHECK(StoredIndex(store) == IndexOf(state));
  return state;
}

}  // namespace metasrv::testing
