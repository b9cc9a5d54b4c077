#include <gtest/gtest.h>

#include <algorithm>

#include "tests/backup/document.h"

namespace metasrv::backup {
namespace {

std::string Blank(int term, int index) {
  return R"(["raft_log",{"LogEntry":{"log_id":{"leader_id":{"term":)" + std::to_string(term) +
         R"(,"node_id":0},"index":)" + std::to_string(index) + R"(},"payload":"Blank"}}])";
}

std::string LogIdLine(const std::string& kind, int term, int index) {
  return R"(["raft_log",{")" + kind + R"(":{"leader_id":{"term":)" + std::to_string(term) +
         R"(,"node_id":0},"index":)" + std::to_string(index) + "}}]";
}

std::string VoteLineOf(int term, int node, bool committed) {
  return R"(["raft_log",{"Vote":{"leader_id":{"term":)" + std::to_string(term) + R"(,"node_id":)" +
         std::to_string(node) + R"(},"committed":)" + (committed ? "true" : "false") + "}}]";
}

std::string Record(const std::string& key) {
  return R"(["state_machine/0",{"GenericKV":{"key":")" + key + R"(","value":{"seq":1,"meta":null,"data":[]}}}])";
}

std::string Expire(int time_ms, int seq) {
  return R"(["state_machine/0",{"Expire":{"key":{"time_ms":)" + std::to_string(time_ms) + R"(,"seq":)" +
         std::to_string(seq) + R"(},"value":{"seq":1,"key":"k"}}}])";
}

io::LogContents LogOf(const Lines& lines) {
  auto directory = Import(lines);
  if (!directory.has_value()) {
    ADD_FAILURE() << directory.error();
    return {};
  }
  return *(*directory)->log.Load();
}

class WorkedExample : public testing::TestWithParam<const char*> {};

TEST_P(WorkedExample, IsExportedByteForByte) {
  std::string name = std::string("backup/cases/") + GetParam();
  Lines want = ReadLines(name + ".out.jsonl");
  EXPECT_EQ(Reexport(ReadLines(name + ".in.jsonl")), want);
  EXPECT_EQ(Reexport(want), want) << "not a fixed point";
}

INSTANTIATE_TEST_SUITE_P(Plain, WorkedExample,
                         testing::Values("v003_with_every_normalisation", "every_command", "cluster_data",
                                         "header_only"));

TEST(Import, ReportsWhatItRead) {
  auto directory = Import(ReadLines("backup/cases/v003_with_every_normalisation.in.jsonl"));
  ASSERT_TRUE(directory.has_value());
  const ImportReport& report = (*directory)->report;
  EXPECT_EQ(report.version, "V003");
  EXPECT_EQ(report.record_count, 16u);
  EXPECT_EQ(ToString(report.max_log_id.value()), "T4-N7.22");
  EXPECT_EQ(report.last_applied.value().index, LogIndex(22));
}

TEST(Import, CountsTheHeaderInNoTreeButTheStateMachines) {
  auto directory = Import({Document({})[0], Document({})[0],
                           R"(["state_machine/0",{"DataHeader":{"key":"header","value":{"version":"V001"}}}])"});
  ASSERT_TRUE(directory.has_value());
  EXPECT_EQ((*directory)->report.record_count, 1u);
}

TEST(Import, CountsPurgedEntriesIntoTheGreatestLogId) {
  auto directory = Import(Document({Blank(1, 4), Blank(1, 5), LogIdLine("Purged", 1, 9)}));
  ASSERT_TRUE(directory.has_value());
  EXPECT_EQ((*directory)->report.max_log_id.value().index, LogIndex(5));
  EXPECT_TRUE((*directory)->log.Load()->entries.empty());
}

TEST(Import, TakesALogThatStartsAnywhere) {
  EXPECT_EQ(LogOf(Document({Blank(3, 21), Blank(3, 22)})).entries.size(), 2u);
}

TEST(Import, PurgesEntriesThatCameBeforeThePurgedLine) {
  io::LogContents log = LogOf(Document({Blank(1, 1), Blank(1, 2), Blank(1, 3), LogIdLine("Purged", 1, 2)}));
  ASSERT_EQ(log.entries.size(), 1u);
  EXPECT_EQ(log.entries[0].id.index, LogIndex(3));
  EXPECT_EQ(log.purged.value().index, LogIndex(2));
}

TEST(Import, IgnoresAPurgedLineThatIsNotAboveThePresentOne) {
  io::LogContents log =
      LogOf(Document({LogIdLine("Purged", 2, 5), Blank(2, 6), LogIdLine("Purged", 2, 5), LogIdLine("Purged", 1, 6)}));
  EXPECT_EQ(log.purged.value().index, LogIndex(5));
  EXPECT_EQ(log.entries.size(), 1u);
}

TEST(Import, GoesOnAfterThePurgedEntry) {
  EXPECT_EQ(LogOf(Document({LogIdLine("Purged", 1, 5), Blank(1, 6)})).entries.size(), 1u);
  EXPECT_NE(ErrorOf(Document({LogIdLine("Purged", 1, 5), Blank(1, 7)})).find("not consecutive"), std::string::npos);
}

TEST(Import, KeepsTheLastOfSeveralScalars) {
  auto sequences = [](int n) {
    return R"(["state_machine/0",{"Sequences":{"key":"generic-kv","value":)" + std::to_string(n) + "}}]";
  };
  Lines got = Reexport(Document({R"(["raft_log",{"NodeId":1}])", R"(["raft_log",{"NodeId":2}])", sequences(9),
                                 sequences(4), LogIdLine("Committed", 1, 3), R"(["raft_log",{"Committed":null}])"}));
  EXPECT_EQ(got[1], R"(["raft_log",{"NodeId":2}])");
  EXPECT_EQ(got[3], LogIdLine("Committed", 1, 3));
  EXPECT_EQ(got[5], sequences(4));
}

TEST(Import, AcceptsAGrowingVote) {
  Lines votes{VoteLineOf(1, 2, false), VoteLineOf(1, 2, true), VoteLineOf(2, 1, false),
              R"(["raft_log",{"Vote":null}])"};
  EXPECT_EQ(LogOf(Document(votes)).hard_state.value().term, Term(2));
}

TEST(Import, AcceptsCommittedBeforeTheEntries) {
  EXPECT_EQ(LogOf(Document({LogIdLine("Committed", 1, 3), Blank(1, 2), Blank(1, 3)})).committed.value().index,
            LogIndex(3));
}

TEST(Import, AcceptsRecordsInAnyOrder) {
  Lines ordered{Expire(5, 1), Expire(6, 1), Record("a"), Record("b"), Record("c")};
  Lines mixed{Record("b"), Expire(6, 1), Record("a"), Record("c"), Expire(5, 1)};
  EXPECT_EQ(Reexport(Document(mixed)), Reexport(Document(ordered)));
}

// Notes the size of what an import hands over.
class MeasuringSink : public ImportSink {
 public:
  std::expected<void, std::string> WriteLog(io::LogBatch batch) override {
    std::size_t bytes = 0;
    for (const Entry& entry : batch.append) bytes += entry.ByteSize();
    largest_ = std::max(largest_, bytes);
    entries_ += batch.append.size();
    return {};
  }
  std::expected<void, std::string> WriteState(std::vector<sm::Row> rows) override {
    std::size_t bytes = 0;
    for (const auto& [key, value] : rows) bytes += key.size() + value.size();
    largest_ = std::max(largest_, bytes);
    rows_ += rows.size();
    return {};
  }
  bool HasRow(std::string_view) const override {
    ADD_FAILURE() << "asked for a row of a document in order";
    return false;
  }

  std::size_t largest_ = 0;
  std::size_t entries_ = 0;
  std::size_t rows_ = 0;
};

TEST(Import, HandsOverBoundedBatches) {
  MeasuringSink sink;
  Importer importer(sink);
  ASSERT_TRUE(importer.Add(Document({})[0]).has_value());
  constexpr int kCount = 20000;
  for (int i = 0; i < kCount; ++i) ASSERT_TRUE(importer.Add(Blank(1, i)).has_value());
  const std::string padding(100, 'x');
  for (int i = 0; i < kCount; ++i) ASSERT_TRUE(importer.Add(Record(std::to_string(100000 + i) + padding)).has_value());
  ASSERT_TRUE(importer.Finish().has_value());
  EXPECT_EQ(sink.entries_, std::size_t{kCount});
  EXPECT_EQ(sink.rows_, kCount + std::size_t{3});
  EXPECT_LT(sink.largest_, 1100u * 1024);
}

}  // namespace
}  // namespace metasrv::backup
