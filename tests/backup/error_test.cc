#include <gtest/gtest.h>

#include <regex>

#include "tests/backup/document.h"

namespace metasrv::backup {
namespace {

#define HEADER(version) R"(["header",{"DataHeader":{"key":"header","value":{"version":")" version R"("}}}])"
#define BLANK(term, node, index)                                                                                   \
  R"(["raft_log",{"LogEntry":{"log_id":{"leader_id":{"term":)" #term R"(,"node_id":)" #node R"(},"index":)" #index \
  R"(},"payload":"Blank"}}])"
#define VOTE(term, node, committed) \
  R"(["raft_log",{"Vote":{"leader_id":{"term":)" #term R"(,"node_id":)" #node R"(},"committed":)" #committed R"(}}])"
#define COMMITTED(term, index) \
  R"(["raft_log",{"Committed":{"leader_id":{"term":)" #term R"(,"node_id":0},"index":)" #index R"(}}])"
#define PURGED(term, index) \
  R"(["raft_log",{"Purged":{"leader_id":{"term":)" #term R"(,"node_id":0},"index":)" #index R"(}}])"
#define RECORD(key) R"(["state_machine/0",{"GenericKV":{"key":")" key R"(","value":{"seq":1,"data":[]}}}])"
#define EXPIRE(time_ms, seq) \
  R"(["state_machine/0",{"Expire":{"key":{"time_ms":)" #time_ms R"(,"seq":)" #seq R"(},"value":{"key":"k"}}}])"

constexpr char kOldV0[] =
    "invalid data version: V0(2023-04-21: before the log types of 2023), This program version is "
    "V004(2024-11-11: WAL based raft-log); The latest compatible program version is: "
    "V001(2023-05-15: log types of 2023)";
constexpr char kOldV001[] =
    "invalid data version: V001(2023-05-15: log types of 2023), This program version is "
    "V004(2024-11-11: WAL based raft-log); The latest compatible program version is: "
    "V002(2023-07-22: Store snapshot in a file)";

struct ErrorCase {
  const char* name;
  Lines lines;
  std::string error;  // a prefix
};

std::vector<ErrorCase> Cases() {
  return {
      {"NoLine", {}, "no data found"},
      {"VersionV0", {HEADER("V0")}, kOldV0},
      {"VersionV001", {HEADER("V001")}, kOldV001},
      {"UnknownVersion",
       {HEADER("V100")},
       "unknown variant `V100`, expected one of `V0`, `V001`, `V002`, `V003`, `V004` (line 1, column "},
      {"MissingHeader", {R"(["raft_log",{"NodeId":1}])"}, kOldV0},
      {"HeaderInAnotherTree", {R"(["x",{"DataHeader":{"key":"header","value":{"version":"V004"}}}])"}, kOldV0},
      {"HeaderTreeWithoutHeader",
       {R"(["header",{"NodeId":1}])"},
       "the header line holds NodeId instead of DataHeader (line 1, column 11)"},
      {"HeaderKey",
       {R"(["header",{"DataHeader":{"key":"x","value":{"version":"V004"}}}])"},
       "the header line has the key `x` (line 1, column 11)"},
      {"FirstLineNotJson", {"hello"}, ""},
      {"BlankLine", {HEADER("V004"), ""}, ""},
      {"BlankFirstLine", {"", HEADER("V004")}, ""},
      {"LogKindInStateTree",
       {HEADER("V004"), R"(["state_machine/0",{"Vote":null}])"},
       "Failed to convert RaftStoreEntry to SMEntry: SMEntry does not contain Vote (line 2, column 20)"},
      {"OldLogKindInStateTree",
       {HEADER("V003"), R"(["state_machine/0",{"RaftStateKV":{"key":"Id","value":{"NodeId":7}}}])"},
       "Failed to convert RaftStoreEntry to SMEntry: SMEntry does not contain RaftStateKV (line 2, column 20)"},
      {"StateKindInLogTree",
       {HEADER("V004"), R"(["raft_log",{"Sequences":{"key":"generic-kv","value":1}}])"},
       "tree `raft_log` cannot contain Sequences (line 2, column 13)"},
      {"GapInTheLog",
       {HEADER("V004"), BLANK(1, 0, 1), BLANK(1, 0, 3)},
       "log entries are not consecutive: T1-N0.3 follows T1-N0.1 (line 3, column 13)"},
      {"RepeatedEntry", {HEADER("V004"), BLANK(1, 0, 1), BLANK(1, 0, 1)}, "log entries are not consecutive"},
      {"StepBack", {HEADER("V004"), BLANK(1, 0, 2), BLANK(1, 0, 1)}, "log entries are not consecutive"},
      {"TermGoesBack", {HEADER("V004"), BLANK(2, 0, 1), BLANK(1, 0, 2)}, "log ids do not grow"},
      {"LeaderGoesBack", {HEADER("V004"), BLANK(1, 4, 1), BLANK(1, 3, 2)}, "log ids do not grow"},
      {"PurgedBelowTheFirstEntry",
       {HEADER("V003"), BLANK(1, 0, 5), BLANK(2, 0, 6), PURGED(1, 3)},
       "log entries are not consecutive: T1-N0.5 follows T1-N0.3 (line 4, column 13)"},
      {"PurgedInALaterTermThanWhatFollows",
       {HEADER("V003"), BLANK(1, 0, 5), BLANK(1, 0, 6), BLANK(2, 0, 7), PURGED(2, 5)},
       "log ids do not grow: T1-N0.6 follows T2-N0.5 (line 5, column 13)"},
      {"TheGreatestLogIndex",
       {HEADER("V004"), BLANK(1, 0, 18446744073709551615)},
       "the log index of T1-N0.18446744073709551615 is the greatest there is: no entry could follow (line 2, column "
       "13)"},
      {"TheGreatestLogIndexPurged",
       {HEADER("V004"), PURGED(1, 18446744073709551615)},
       "the log index of T1-N0.18446744073709551615 is the greatest there is: no entry could follow (line 2, column "
       "13)"},
      {"SmallerVote", {HEADER("V004"), VOTE(2, 1, true), VOTE(2, 1, false)}, "the vote is smaller"},
      {"SmallerVoter", {HEADER("V004"), VOTE(2, 2, false), VOTE(2, 1, true)}, "the vote is smaller"},
      {"CommittedGoesBack", {HEADER("V004"), COMMITTED(2, 5), COMMITTED(2, 4)}, "committed goes back"},
      {"DuplicateRecord", {HEADER("V004"), RECORD("a"), RECORD("a")}, "duplicate key `a` (line 3, column 20)"},
      {"DuplicateRecordFarApart",
       {HEADER("V004"), RECORD("a"), RECORD("c"), RECORD("b"), RECORD("a")},
       "duplicate key `a` (line 5, column 20)"},
      {"DuplicateUnorderedRecord",
       {HEADER("V004"), RECORD("c"), RECORD("b"), RECORD("b")},
       "duplicate key `b` (line 4, column 20)"},
      {"DuplicateExpiry",
       {HEADER("V004"), EXPIRE(5, 6), EXPIRE(5, 6)},
       "duplicate expiry entry (5, 6) (line 3, column 20)"},
      {"BrokenLine", {HEADER("V004"), R"(["raft_log",{"NodeId":1})"}, ""},
  };
}

class BrokenDocument : public testing::TestWithParam<ErrorCase> {};

TEST_P(BrokenDocument, StopsTheImport) {
  std::string error = ErrorOf(GetParam().lines);
  EXPECT_FALSE(error.empty());
  EXPECT_TRUE(error.starts_with(GetParam().error)) << error;
}

TEST_P(BrokenDocument, IsBlamedOnALineAndAColumnUnlessThereIsNone) {
  const bool has_lines = !GetParam().lines.empty();
  EXPECT_EQ(std::regex_search(ErrorOf(GetParam().lines), std::regex(R"( \(line [1-9]\d*, column [1-9]\d*\)$)")),
            has_lines);
}

INSTANTIATE_TEST_SUITE_P(Documents, BrokenDocument, testing::ValuesIn(Cases()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace metasrv::backup
