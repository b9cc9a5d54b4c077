#include "fuzz/line_mutator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "backup/parse.h"
#include "fuzz/json_spans.h"

namespace metasrv::fuzz {
namespace {

constexpr std::string_view kDocument =
    R"(["header",{"DataHeader":{"key":"header","value":{"version":"V004"}}}]
["raft_log",{"Vote":{"leader_id":{"term":3,"node_id":2},"committed":true}}]
["raft_log",{"LogEntry":{"log_id":{"leader_id":{"term":3,"node_id":2},"index":41},"payload":{"Normal":{"time_ms":17,"cmd":{"RemoveNode":{"node_id":3}}}}}}]
["state_machine/0",{"GenericKV":{"key":"k","value":{"seq":5,"meta":{"proposed_at_ms":17},"data":[118,255]}}}]
)";

TEST(ValuesOf, FindsNamesAndValuesWithTheirEnds) {
  const std::string_view text = R"({"a\"":[1, -2e3,{"b":null}]} x)";
  std::string found;
  for (const Span& span : ValuesOf(text)) found += std::string(text.substr(span.begin, span.size())) + ";";
  EXPECT_EQ(found, R"({"a\"":[1, -2e3,{"b":null}]};"a\"";[1, -2e3,{"b":null}];1;-2e3;{"b":null};"b";null;x;)");
}

TEST(ValuesOf, TakesWhatIsNotClosed) {
  for (const std::string_view text : {"[1", "\"a", "\"a\\", "]}", "[{]", "", "\xff\"\xff"}) {
    for (const Span& span : ValuesOf(text)) {
      EXPECT_LT(span.begin, span.end) << text;
      EXPECT_LE(span.end, text.size()) << text;
    }
  }
}

TEST(LineMutator, ChangesTheSameWithTheSameSeed) {
  EXPECT_EQ(MutateLines(kDocument, 7), MutateLines(kDocument, 7));
  EXPECT_NE(MutateLines(kDocument, 7), MutateLines(kDocument, 8));
  EXPECT_EQ(CrossLines(kDocument, kDocument, 7), CrossLines(kDocument, kDocument, 7));
}

TEST(LineMutator, ChangesAnythingIntoSomething) {
  for (const std::string_view text : {"", "\n", "\n\n", "x", "[", "\"", "\xff\xfe", "{\"a\":", "[[[[[\n]]]]]"}) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      const std::string changed = MutateLines(text, seed);
      EXPECT_TRUE(changed.empty() || changed.ends_with('\n')) << changed;
      EXPECT_EQ(MutateLines(changed, seed), MutateLines(changed, seed));
    }
  }
}

bool Contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// What the readers could get wrong must come up by itself.
TEST(LineMutator, ReachesEveryKindOfTrouble) {
  struct Trouble {
    const char* name;
    bool (*seen)(const std::string& text);
  };
  const auto troubles = std::to_array<Trouble>({
      {"beyond 64 bits", [](const auto& text) { return Contains(text, "18446744073709551616"); }},
      {"half of a surrogate pair", [](const auto& text) { return Contains(text, "\\ud83d\\u0041"); }},
      {"broken UTF-8", [](const auto& text) { return Contains(text, "\xc0\x80"); }},
      {"another variant", [](const auto& text) { return !Contains(text, "GenericKV") && Contains(text, "118,255"); }},
      {"too deep", [](const auto& text) { return Contains(text, std::string(128, '[')); }},
      {"deep predicates", [](const auto& text) { return Contains(text, R"({"And":[{"And":[{"And":[)"); }},
      {"no header", [](const auto& text) { return !Contains(text, "DataHeader"); }},
      {"a line less", [](const auto& text) { return std::ranges::count(text, '\n') == 3; }},
      {"a line more", [](const auto& text) { return std::ranges::count(text, '\n') == 5; }},
      {"another order", [](const auto& text) { return text.find("GenericKV") < text.find("LogEntry"); }},
      {"the next index", [](const auto& text) { return Contains(text, R"("index":42)"); }},
      {"a member less", [](const auto& text) { return !Contains(text, R"("seq":5)"); }},
      {"a member twice", [](const auto& text) { return Contains(text, R"("seq":5,"seq":5)"); }},
  });
  std::array<bool, troubles.size()> seen{};
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    const std::string text = MutateLines(kDocument, seed);
    for (std::size_t i = 0; i < troubles.size(); ++i) seen[i] = seen[i] || troubles[i].seen(text);
  }
  for (std::size_t i = 0; i < troubles.size(); ++i) EXPECT_TRUE(seen[i]) << troubles[i].name;
}

// Refused lines teach little, and so do lines that nothing was done to.
TEST(LineMutator, LeavesSomeLinesReadableAndFewAsTheyWere) {
  const std::string line(kDocument.substr(0, kDocument.find('\n')));
  backup::LineParser parser;
  int readable = 0;
  int changed = 0;
  constexpr int kCount = 5000;
  for (std::uint64_t seed = 0; seed < kCount; ++seed) {
    const std::string text = MutateLines(line, seed);
    readable += parser.Parse(text.substr(0, text.find('\n'))).has_value() ? 1 : 0;
    changed += text != line + "\n" ? 1 : 0;
  }
  EXPECT_GT(readable, kCount / 20);
  EXPECT_GT(changed, kCount * 9 / 10);
}

}  // namespace
}  // namespace metasrv::fuzz
