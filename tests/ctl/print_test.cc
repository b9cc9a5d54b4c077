#include "ctl/print.h"

#include <gtest/gtest.h>

namespace metasrv::ctl {
namespace {

meta::SeqV Record(std::uint64_t seq, const std::string& data) {
  meta::SeqV record;
  record.set_seq(seq);
  record.set_data(data);
  return record;
}

TEST(Print, StatusIsTheSampleOfTheSpecification) {
  meta::ClusterStatus status;
  status.set_id(7);
  status.set_binary_version("260304.0.0");
  status.set_data_version("V004");
  status.set_endpoint("meta-7:28703");
  status.set_raft_log_size(2710);
  status.set_state("Leader");
  status.set_current_term(1);
  status.set_last_log_index(9);
  status.set_last_applied("T1-N7.9");
  status.set_leader("id=7 raft=meta-7:28703 grpc=10.0.0.7:9191");
  status.set_last_seq(5);
  (*status.mutable_replication())[10] = "T1-N7.8";
  (*status.mutable_replication())[7] = "T1-N7.9";
  status.add_voters("id=7 raft=meta-7:28703 grpc=10.0.0.7:9191");
  auto* log = status.mutable_raft_log_status();
  log->set_cache_items(11);
  log->set_wal_closed_chunk_count(1);
  (*log->mutable_wal_closed_chunk_sizes())["ChunkId(00_000_000_000_000_000_000)"] = 12;
  EXPECT_EQ(
      "BinaryVersion: 260304.0.0\n"
      "DataVersion: V004\n"
      "RaftLogSize: 2710\n"
      "RaftLog:\n"
      "  - CacheItems: 11\n"
      "  - CacheUsedSize: 0\n"
      "  - WALTotalSize: 0\n"
      "  - WALOpenChunkSize: 0\n"
      "  - WALOffset: 0\n"
      "  - WALClosedChunkCount: 1\n"
      "  - WALClosedChunkTotalSize: 0\n"
      "  - WALClosedChunkSizes:\n"
      "    - ChunkId(00_000_000_000_000_000_000): 12\n"
      "SnapshotKeyCount: 0\n"
      "Node: id=7 raft=meta-7:28703\n"
      "State: Leader\n"
      "Leader: id=7 raft=meta-7:28703 grpc=10.0.0.7:9191\n"
      "CurrentTerm: 1\n"
      "LastSeq: 5\n"
      "LastLogIndex: 9\n"
      "LastApplied: T1-N7.9\n"
      "Replication:\n"
      "  - [7] T1-N7.9\n"
      "  - [10] T1-N7.8 *\n"
      "Voters:\n"
      "  - id=7 raft=meta-7:28703 grpc=10.0.0.7:9191\n",
      StatusText(status));
}

TEST(Print, UpsertShowsTheRecordsWithoutTheirData) {
  meta::TxnPutResponse reply;
  *reply.mutable_current() = Record(1, "v");
  reply.mutable_current()->mutable_meta()->set_proposed_at_ms(1700000000000);
  EXPECT_EQ(
      "upsert-result: None: None -> Some(SeqV { seq: 1, meta: Some(KVMeta { expire_at: None, proposed_at_ms: "
      "Some(1700000000000) }), data: \"[binary]\" })\n",
      UpsertText(reply));
  *reply.mutable_prev_value() = Record(9, "w");
  reply.clear_current();
  EXPECT_EQ("upsert-result: None: Some(SeqV { seq: 9, meta: None, data: \"[binary]\" }) -> None\n", UpsertText(reply));
}

TEST(Print, GetIsOneLineOfCompactJson) {
  EXPECT_EQ("null\n", GetText(std::nullopt));
  EXPECT_EQ("{\"seq\":12,\"meta\":null,\"data\":[118,49]}\n", GetText(Record(12, "v1")));
  auto record = Record(12, "");
  record.mutable_meta()->set_expire_at(1700000060);
  record.mutable_meta()->set_proposed_at_ms(1700000000000);
  EXPECT_EQ("{\"seq\":12,\"meta\":{\"expire_at\":1700000060,\"proposed_at_ms\":1700000000000},\"data\":[]}\n",
            GetText(record));
}

TEST(Print, WatchShowsBothSidesOfAChange) {
  meta::WatchResponse event;
  EXPECT_EQ("received-watch-event: CHANGE:None\n", WatchText(event));
  event.mutable_event()->set_key("app/a");
  *event.mutable_event()->mutable_current() = Record(1, "v1");
  event.mutable_event()->mutable_current()->mutable_meta()->set_proposed_at_ms(1723102800000);
  event.set_is_initialization(true);
  EXPECT_EQ("received-watch-event: INIT:(app/a: None -> (seq=1 [proposed=2024-08-08T07:40:00.000] 'v1'))\n",
            WatchText(event));
  event.set_is_initialization(false);
  event.mutable_event()->clear_current();
  *event.mutable_event()->mutable_prev() = Record(2, std::string("\0\x9f", 2));
  EXPECT_EQ("received-watch-event: CHANGE:(app/a: (seq=2 [] [0, 159]) -> None)\n", WatchText(event));
}

TEST(Print, TimesAreUtcAlsoAroundLeapDays) {
  meta::WatchResponse event;
  event.mutable_event()->set_key("k");
  *event.mutable_event()->mutable_current() = Record(1, "é");
  event.mutable_event()->mutable_current()->mutable_meta()->set_expire_at(1709164799);  // seconds
  event.mutable_event()->mutable_current()->mutable_meta()->set_proposed_at_ms(1709164800000 + 86400000 - 1);
  EXPECT_EQ(
      "received-watch-event: CHANGE:(k: None -> (seq=1 [expire=2024-02-28T23:59:59.000, "
      "proposed=2024-02-29T23:59:59.999] 'é'))\n",
      WatchText(event));
}

}  // namespace
}  // namespace metasrv::ctl
