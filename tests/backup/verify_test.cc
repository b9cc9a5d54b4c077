#include "backup/verify.h"

#include <gtest/gtest.h>

#include "sm/state_hash.h"
#include "tests/backup/document.h"

namespace metasrv::backup {
namespace {

std::expected<VerifyReport, ImportError> Verify(const Lines& lines, bool ends_within_a_line = false) {
  Verifier verifier;
  for (const std::string& line : lines) {
    if (auto added = verifier.Add(line); !added) return std::unexpected(added.error());
  }
  return verifier.Finish(ends_within_a_line);
}

Lines Healthy() { return ReadLines("backup/cases/cluster_data.out.jsonl"); }

// The findings of a healthy document in which `from` is replaced by `to`, one per line.
std::string FindingsAfter(const std::string& from, const std::string& to) {
  Lines lines = Healthy();
  bool changed = false;
  for (std::string& line : lines) {
    const std::size_t at = line.find(from);
    if (at == std::string::npos) continue;
    line.replace(at, from.size(), to);
    changed = true;
  }
  EXPECT_TRUE(changed) << from;
  std::erase(lines, "");
  const auto report = Verify(lines);
  if (!report) return "refused: " + report.error().reason;
  std::string text;
  for (const Finding& finding : report->findings) {
    text += finding.text + (finding.line == 0 ? "" : " @" + std::to_string(finding.line)) + "\n";
  }
  return text;
}

void ExpectFinding(const std::string& from, const std::string& to, const std::string& what) {
  const std::string found = FindingsAfter(from, to);
  EXPECT_NE(found.find(what), std::string::npos) << found;
}

std::string LineWith(const std::string& part) {
  for (const std::string& line : Healthy()) {
    if (line.find(part) != std::string::npos) return line;
  }
  ADD_FAILURE() << part;
  return "";
}

TEST(Verify, FindsNothingInGenuineBackups) {
  for (const char* file :
       {"data/databend-export-v003.jsonl", "data/databend-export-v004.jsonl",
        "backup/cases/v003_with_every_normalisation.in.jsonl", "backup/cases/v003_with_every_normalisation.out.jsonl",
        "backup/cases/cluster_data.out.jsonl", "backup/cases/header_only.in.jsonl"}) {
    const auto report = Verify(ReadLines(file));
    ASSERT_TRUE(report.has_value()) << file << report.error().reason;
    for (const Finding& finding : report->findings) ADD_FAILURE() << file << ": " << finding.text;
  }
}

TEST(Verify, CountsWhatIsThereAndNamesTheEndsOfTheLog) {
  const auto report = Verify(Healthy());
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->entries, 2u);
  EXPECT_EQ(ToString(report->first_entry.value()), "T3-N2.40");
  EXPECT_EQ(ToString(report->last_entry.value()), "T3-N2.41");
  EXPECT_EQ(ToString(report->purged.value()), "T2-N1.39");
  EXPECT_EQ(report->nodes.size(), 2u);
  EXPECT_EQ(report->records, 1u);
  EXPECT_EQ(report->last_seq, 5u);
}

TEST(Verify, GivesTheStateHashOfTheStateThatAnImportLeaves) {
  for (const char* file : {"data/databend-export-v003.jsonl", "data/databend-export-v004.jsonl"}) {
    const Lines lines = ReadLines(file);
    const auto report = Verify(lines);
    const auto directory = Import(lines);
    ASSERT_TRUE(report.has_value() && directory.has_value());
    EXPECT_EQ(report->import.state_hash, sm::ComputeStateHash((*directory)->state));
    EXPECT_EQ(report->import.state_hash, sm::ReadStateHash((*directory)->state));
    EXPECT_EQ(report->import.state_hash, (*directory)->report.state_hash);
    EXPECT_NE(report->import.state_hash, 0u);
  }
}

TEST(Verify, RefusesWhatAnImportRefuses) {
  Lines lines = Healthy();
  lines[5] = "not json";
  EXPECT_EQ(Verify(lines).error().line, 6u);
  lines = Healthy();
  lines.erase(lines.begin() + 5);
  EXPECT_NE(Verify(lines).error().reason.find("not consecutive"), std::string::npos);
  EXPECT_EQ(Verify({}).error().reason, "no data found");
}

TEST(Verify, FindsASequenceNumberAboveTheLastOne) {
  ExpectFinding(R"("key":"generic-kv","value":5)", R"("key":"generic-kv","value":4)",
                "seq 5, above the last sequence number 4");
  ExpectFinding(R"({"seq":5,)", R"({"seq":0,)", "has seq 0");
}

TEST(Verify, FindsMembersWithoutAnAddressAndVotersThatAreNoMembers) {
  ExpectFinding(LineWith(R"("Nodes":{"key":2)"), "", "member 2 is not in `Nodes`");
  ExpectFinding(R"("configs":[[1,2]],"nodes":{"1":{},"2":{}})", R"("configs":[[1,2]],"nodes":{"1":{}})",
                "voter 2 is not a member");
  ExpectFinding(R"("configs":[[1,2]],"nodes":{"1":{},"2":{}})", R"("configs":[],"nodes":{})", "no members");
  ExpectFinding(R"({"log_id":{"leader_id":{"term":1,"node_id":1},"index":9})",
                R"({"log_id":{"leader_id":{"term":3,"node_id":2},"index":41})", "which is not applied");
}

TEST(Verify, FindsALogThatDoesNotFitItsState) {
  const std::string applied = R"("LogId":{"leader_id":{"term":3,"node_id":2},"index":40})";
  ExpectFinding(applied, R"("LogId":{"leader_id":{"term":2,"node_id":1},"index":38})", "what is between them is lost");
  ExpectFinding(applied, R"("LogId":{"leader_id":{"term":3,"node_id":2},"index":42})", "ahead of the log");
  ExpectFinding(applied, R"("LogId":{"leader_id":{"term":2,"node_id":2},"index":40})",
                "LastApplied is T2-N2.40, but the log has T3-N2.40 there");
  ExpectFinding(LineWith("LastApplied"), "", "records but no LastApplied");
  ExpectFinding(R"(["raft_log",{"Committed":{"leader_id":{"term":3,"node_id":2},"index":41})",
                R"(["raft_log",{"Committed":{"leader_id":{"term":3,"node_id":2},"index":44})", "beyond everything");
  ExpectFinding(R"(["raft_log",{"Vote":{"leader_id":{"term":3)", R"(["raft_log",{"Vote":{"leader_id":{"term":2)",
                "the vote is of term 2");
}

TEST(Verify, FindsALogWithoutItsBeginning) {
  ExpectFinding(LineWith("Purged"), "", "");
  Lines lines = Document({LineWith(R"("index":40},"payload")")});
  const auto report = Verify(lines);
  ASSERT_TRUE(report.has_value());
  ASSERT_EQ(report->findings.size(), 1u);
  EXPECT_NE(report->findings[0].text.find("begins after index 39"), std::string::npos);
}

std::string Expiry(int time_ms, int seq, const std::string& key) {
  return R"(["state_machine/0",{"Expire":{"key":{"time_ms":)" + std::to_string(time_ms) + R"(,"seq":)" +
         std::to_string(seq) + R"(},"value":{"seq":1,"key":")" + key + R"("}}}])";
}

std::string Record(const std::string& key, int seq, int expire_at) {
  return R"(["state_machine/0",{"GenericKV":{"key":")" + key + R"(","value":{"seq":)" + std::to_string(seq) +
         R"(,"meta":{"expire_at":)" + std::to_string(expire_at) + R"(},"data":[]}}}])";
}

// The findings about these state lines, without those about what else is missing.
std::vector<std::string> ExpiryFindings(const Lines& lines) {
  const auto report = Verify(Document(lines));
  std::vector<std::string> texts;
  if (!report) return {report.error().reason};
  for (const Finding& finding : report->findings) {
    if (finding.text.find("expir") != std::string::npos) texts.push_back(finding.text);
  }
  return texts;
}

TEST(Verify, PairsExpiryEntriesWithRecordsInAnyOrder) {
  EXPECT_TRUE(
      ExpiryFindings({Expiry(7000, 1, "a"), Expiry(8000, 2, "b"), Record("a", 1, 7), Record("b", 2, 8)}).empty());
  const auto no_record = ExpiryFindings({Expiry(7000, 1, "a"), Expiry(8000, 2, "b"), Record("b", 2, 8)});
  ASSERT_EQ(no_record.size(), 1u);
  EXPECT_NE(no_record[0].find("expiry entry (7000, 1) has no record"), std::string::npos);
  const auto no_entry = ExpiryFindings({Expiry(8000, 2, "b"), Record("a", 1, 7), Record("b", 2, 8)});
  ASSERT_EQ(no_entry.size(), 1u);
  EXPECT_NE(no_entry[0].find("the record with seq 1 expires at 7000 ms"), std::string::npos);
  EXPECT_EQ(ExpiryFindings({Expiry(7000, 1, "other"), Record("a", 1, 7)}).size(), 2u) << "of another key";
}

TEST(Verify, ListsTheFirstFindingsAndCountsTheRest) {
  Lines lines;
  for (int i = 1; i <= 1500; ++i) lines.push_back(Expiry(1000 * i, i, "k"));
  const auto report = Verify(Document(lines));
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->findings.size(), kFindingsMax);
  EXPECT_EQ(report->findings_total, 1500u);
  EXPECT_NE(report->findings[0].text.find("(1000, 1)"), std::string::npos);
  for (int i = 1501; i <= 20000; ++i) lines.push_back(Expiry(1000 * i, i, "k"));
  EXPECT_GE(Verify(Document(lines))->findings_total, 1u);
}

TEST(Verify, FindsRowsOutOfOrder) {
  const auto report =
      Verify(Document({Record("b", 1, 7), Record("a", 2, 8), Expiry(8000, 2, "a"), Expiry(7000, 1, "b")}));
  ASSERT_TRUE(report.has_value());
  std::string texts;
  for (const Finding& finding : report->findings) texts += finding.text + "\n";
  EXPECT_NE(texts.find("key `a` does not follow key `b`"), std::string::npos) << texts;
  EXPECT_NE(texts.find("expiry entry (8000, 2) comes after the records"), std::string::npos) << texts;
  EXPECT_NE(texts.find("expiry entry (7000, 1) does not follow (8000, 2)"), std::string::npos) << texts;
}

TEST(Verify, FindsATextThatEndsWithinALine) {
  EXPECT_NE(Verify(Healthy(), true)->findings[0].text.find("may be cut short"), std::string::npos);
}

}  // namespace
}  // namespace metasrv::backup
