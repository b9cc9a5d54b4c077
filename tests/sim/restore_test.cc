#include "sim/restore.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/history.h"
#include "sim/run.h"
#include "sm/read.h"

namespace metasrv::sim {
namespace {

using Lines = std::vector<std::string>;

const char* const kLogId = R"({"leader_id":{"term":1,"node_id":1},"index":)";

std::string PutEntry(int index, const std::string& key) {
  return R"(["raft_log",{"LogEntry":{"log_id":)" + std::string(kLogId) + std::to_string(index) +
         R"(},"payload":{"Normal":{"time_ms":1000,"cmd":{"UpsertKV":{"key":")" + key +
         R"(","seq":"Any","value":{"Update":[1]},"value_meta":null}}}}}}])";
}

std::string RecordLine(const std::string& key, int seq) {
  return R"(["state_machine/0",{"GenericKV":{"key":")" + key + R"(","value":{"seq":)" + std::to_string(seq) +
         R"(,"meta":{"proposed_at_ms":1000},"data":[1]}}}])";
}

// A backup of a cluster of one that wrote "a", "b" and, not applied yet, "c".
Lines BackupLines() {
  const std::string at = kLogId;
  return {R"(["header",{"DataHeader":{"key":"header","value":{"version":"V004"}}}])",
          R"(["raft_log",{"NodeId":1}])",
          R"(["raft_log",{"Vote":{"leader_id":{"term":1,"node_id":1},"committed":true}}])",
          R"(["raft_log",{"Committed":)" + at + R"(2}}])",
          R"(["raft_log",{"Purged":null}])",
          R"(["raft_log",{"LogEntry":{"log_id":)" + at +
              R"(0},"payload":{"Membership":{"configs":[[1]],"nodes":{"1":{}}}}}}])",
          PutEntry(1, "a"),
          PutEntry(2, "b"),
          PutEntry(3, "c"),
          R"(["state_machine/0",{"Sequences":{"key":"generic-kv","value":2}}])",
          R"(["state_machine/0",{"StateMachineMeta":{"key":"LastApplied","value":{"LogId":)" + at + R"(2}}}}])",
          R"(["state_machine/0",{"StateMachineMeta":{"key":"LastMembership","value":{"Membership":{"log_id":)" + at +
              R"(0},"membership":{"configs":[[1]],"nodes":{"1":{}}}}}}}])",
          R"(["state_machine/0",{"Nodes":{"key":1,"value":{"name":"1","endpoint":{"addr":"n1","port":28004},)"
          R"("grpc_api_advertise_address":null}}}])",
          RecordLine("a", 1),
          RecordLine("b", 2)};
}

// What the judges say of `lines` when the history is that of BackupLines().
std::string VerdictOn(const Lines& lines) {
  Verdict verdict;
  LogMatching stored(verdict);
  std::optional<Term> before;
  const Restored truth = Restore(BackupLines(), NodeId(1), 1);
  for (const Entry& entry : truth.disks.begin()->second.log.entries) {
    stored.OnStored(NodeId(1), before, entry);
    before = entry.id.term;
  }
  History history(
      stored, [](const pb::Command&) { return 0; }, verdict);
  JudgeBackup(lines, history, verdict);
  return verdict.failed() ? verdict.failure()->property.name : "";
}

TEST(JudgeBackup, IsContentWithABackupOfItsHistory) { EXPECT_EQ(VerdictOn(BackupLines()), ""); }

TEST(JudgeBackup, FindsRecordsThatTheHistoryDoesNotHave) {
  for (const auto& [line, instead] :
       std::vector<std::pair<std::string, std::string>>{{RecordLine("b", 2), RecordLine("b", 1)},
                                                        {RecordLine("b", 2), RecordLine("c", 2)},
                                                        {RecordLine("a", 1), ""}}) {
    Lines lines = BackupLines();
    std::replace(lines.begin(), lines.end(), line, instead);
    std::erase(lines, "");
    EXPECT_EQ(VerdictOn(lines), kBackupIsHistory.name);
  }
}

TEST(JudgeBackup, FindsContradictions) {
  Lines lines = BackupLines();
  lines[9] = R"(["state_machine/0",{"Sequences":{"key":"generic-kv","value":1}}])";
  EXPECT_EQ(VerdictOn(lines), kBackupIsSound.name);
  lines = BackupLines();
  lines[7] = "nonsense";
  EXPECT_EQ(VerdictOn(lines), kBackupIsSound.name);
}

TEST(JudgeBackup, FindsLinesThatAnImportWouldChange) {
  Lines lines = BackupLines();
  lines[1] = R"(["raft_log", {"NodeId":1}])";
  EXPECT_EQ(VerdictOn(lines), kBackupIsFixedPoint.name);
}

TEST(Restore, GivesEveryMemberTheSameDiskButForItsId) {
  const Restored restored = Restore(BackupLines(), NodeId(11), 3);
  ASSERT_EQ(restored.disks.size(), 3U);
  EXPECT_EQ(restored.committed_end, LogIndex(3));
  EXPECT_EQ(restored.applied.value().index, LogIndex(2));
  for (const auto& [id, disk] : restored.disks) {
    EXPECT_EQ(disk.log.node_id, id);
    EXPECT_EQ(disk.log.end(), LogIndex(8));  // four entries, the membership and three addresses
    EXPECT_EQ(sm::ReadNodes(sm::MapReader(disk.state.rows)).size(), 3U);
  }
}

TEST(Run, WithARestorePassesAndReachesBothKindsOfMembers) {
  Probes probes;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    RunOptions options = DeriveOptions(seed);
    options.fault_ms = 1500;
    options.restore = 1;
    options.restore_after_ms = 300;
    const RunResult result = sim::Run(options);
    EXPECT_FALSE(result.failure) << seed << ": " << result.failure->property.name << ": " << result.failure->detail;
    probes.Add(result.probes.counts());
  }
  EXPECT_GT(probes[Probe::k_backup_taken], 0U);
  EXPECT_GT(probes[Probe::k_restored_same_ids], 0U);
  EXPECT_GT(probes[Probe::k_restored_other_ids], 0U);
}

}  // namespace
}  // namespace metasrv::sim
