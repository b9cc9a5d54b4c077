#include "io/real/log_codec.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "io/real/log_plan.h"
#include "tests/io/log_world.h"

namespace metasrv::test {
namespace {

std::string KeyOf(std::uint64_t index) { return io::NumberedKey(io::kEntryTable, index); }

std::string Encoded(const Entry& entry) {
  const std::string key = KeyOf(entry.id.index.value());
  return io::EncodeEntryHead(key, entry) + std::string(io::EntryPayload(entry));
}

NodeSet SetOf(const std::vector<std::uint64_t>& ids) {
  NodeSet set;
  for (const std::uint64_t id : ids) set.push_back(NodeId(id));
  return set;
}

RC_GTEST_PROP(LogCodec, NormalEntriesComeBack, (std::uint64_t term, std::uint64_t leader, std::uint64_t index)) {
  const std::string payload = *rc::gen::arbitrary<std::string>();
  const Entry entry = Entry::Normal({Term(term), NodeId(leader), LogIndex(index)}, payload);
  const auto decoded = io::DecodeEntry(KeyOf(index), Encoded(entry));
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(*decoded == entry);
  RC_ASSERT(decoded->id.leader == entry.id.leader);
}

RC_GTEST_PROP(LogCodec, MembershipsComeBackAlsoWhenTheyMakeNoSense, (std::uint64_t index)) {
  Membership membership;
  for (const auto& ids : *rc::gen::arbitrary<std::vector<std::vector<std::uint64_t>>>()) {
    membership.configs.push_back(SetOf(ids));
  }
  membership.nodes = SetOf(*rc::gen::arbitrary<std::vector<std::uint64_t>>());
  const Entry entry = Entry::OfMembership({Term(1), NodeId(2), LogIndex(index)}, membership);
  const auto decoded = io::DecodeEntry(KeyOf(index), Encoded(entry));
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(*decoded == entry);
}

RC_GTEST_PROP(LogCodec, AnyChangedByteIsNoticed, ()) {
  const Entry entry = TextEntry(3, 7, *rc::gen::arbitrary<std::string>());
  std::string bytes = Encoded(entry);
  const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
  bytes[at] = static_cast<char>(bytes[at] ^ *rc::gen::inRange(1, 256));
  const auto decoded = io::DecodeEntry(KeyOf(7), bytes);
  RC_ASSERT(!decoded.has_value());
  RC_ASSERT(decoded.error().kind == io::ErrorKind::kCorrupt);
}

RC_GTEST_PROP(LogCodec, AnyCutOrAddedByteIsNoticed, ()) {
  const std::string bytes = Encoded(TextEntry(3, 7, *rc::gen::arbitrary<std::string>()));
  const auto left = *rc::gen::inRange<std::size_t>(0, bytes.size());
  RC_ASSERT(!io::DecodeEntry(KeyOf(7), bytes.substr(0, left)).has_value());
  RC_ASSERT(!io::DecodeEntry(KeyOf(7), bytes + "x").has_value());
}

RC_GTEST_PROP(LogCodec, ArbitraryBytesAreNeverAnEntry, ()) {
  RC_ASSERT(!io::DecodeEntry(KeyOf(7), *rc::gen::arbitrary<std::string>()).has_value());
}

TEST(LogCodec, ScalarsComeBackAndKnowTheirRow) {
  EXPECT_EQ(*io::DecodeNodeId(io::EncodeNodeId(NodeId(9))), NodeId(9));
  EXPECT_EQ(*io::DecodeIncarnation(io::EncodeIncarnation(Incarnation(9))), Incarnation(9));
  EXPECT_FALSE(io::DecodeIncarnation(io::EncodeNodeId(NodeId(9))).has_value());
  const HardState state{.term = Term(4), .voted_for = NodeId(2), .leader_established = true};
  EXPECT_EQ(*io::DecodeHardState(io::EncodeHardState(state)), state);
  const std::string purged = io::EncodeLogId(io::kPurgedRow, IdAt(1, 2));
  EXPECT_EQ(*io::DecodeLogId(io::kPurgedRow, purged), IdAt(1, 2));
  EXPECT_FALSE(io::DecodeLogId(io::kCommittedRow, purged).has_value());
  const io::LogExtent extent{LogIndex(3), LogIndex(8), true};
  EXPECT_EQ(*io::DecodeExtent("b1", io::EncodeExtent("b1", extent)), extent);
  EXPECT_FALSE(io::DecodeExtent("b2", io::EncodeExtent("b1", extent)).has_value());
}

// --- Plans ---

TEST(LogPlan, AnAppendMustContinueTheLog) {
  const io::LogExtent five{LogIndex(0), LogIndex(5), false};
  EXPECT_DEATH(static_cast<void>(io::MakeLogPlan(Appending(TextEntries(1, 6, 1)), five, {})), "CHECK");
  EXPECT_DEATH(static_cast<void>(io::MakeLogPlan(Appending(TextEntries(1, 4, 1)), five, {})), "CHECK");
  const io::LogExtent purged{LogIndex(5), LogIndex(5), true};
  EXPECT_DEATH(static_cast<void>(io::MakeLogPlan(Appending(TextEntries(1, 6, 1)), purged, IdAt(1, 4))), "CHECK");
}

TEST(LogPlan, TheExtentAfterABatchIsWhatAModelHolds) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Prng prng(seed);
    io::LogExtent extent;
    std::optional<LogId> purged;
    LogModel model;
    for (int i = 0; i < 30; ++i) {
      io::LogBatch batch = RandomBatch(prng, model);
      model.Apply(batch);
      const io::LogPlan plan = io::MakeLogPlan(std::move(batch), extent, purged);
      extent = plan.after;
      if (plan.purged) purged = plan.purged;
      ASSERT_EQ(extent.first.value(), model.first());
      ASSERT_EQ(extent.end.value(), model.end());
    }
  }
}

}  // namespace
}  // namespace metasrv::test
