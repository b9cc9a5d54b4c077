#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tests/io/log_store_contract.h"

// The part of the contract of io::LogStore that is about reading entries back (docs/STORAGE.md, K17).
namespace metasrv::test {

TEST_P(LogStoreContract, K17AReadAnswersWithoutGapAsManyEntriesAsFit) {
  Write(Appending(TextEntries(1, 0, 20)));
  const std::size_t size = TextEntry(1, 0, "1/0").ByteSize();
  EXPECT_EQ(ReadBack(3, 8, SIZE_MAX), TextEntries(1, 3, 5));
  EXPECT_EQ(ReadBack(18, 30, SIZE_MAX), TextEntries(1, 18, 2)) << "there are no more";
  EXPECT_EQ(ReadBack(3, 8, 2 * size), TextEntries(1, 3, 2));
  EXPECT_EQ(ReadBack(3, 8, 1), TextEntries(1, 3, 1)) << "one entry is answered however large it is";
  EXPECT_EQ(ReadBack(20, 25, SIZE_MAX), std::vector<Entry>());
}

TEST_P(LogStoreContract, K17AReadOfPurgedEntriesAnswersNothing) {
  Write(Appending(TextEntries(1, 0, 10)));
  io::LogBatch batch;
  batch.purge_to = IdAt(1, 4);
  Write(batch);
  EXPECT_EQ(ReadBack(4, 8, SIZE_MAX), std::vector<Entry>());
  EXPECT_EQ(ReadBack(5, 8, SIZE_MAX), TextEntries(1, 5, 3));
}

TEST_P(LogStoreContract, K17AReadSeesEveryWriteThatWasDurable) {
  Write(Appending(TextEntries(1, 0, 6)));
  io::LogBatch batch = Appending(TextEntries(2, 3, 2));
  batch.truncate_from = LogIndex(3);
  Write(batch);
  std::vector<Entry> expected = TextEntries(1, 1, 2);
  for (const Entry& entry : TextEntries(2, 3, 2)) expected.push_back(entry);
  EXPECT_EQ(ReadBack(1, 9, SIZE_MAX), expected);
  Reopen();
  EXPECT_EQ(ReadBack(1, 9, SIZE_MAX), expected);
}

TEST_P(LogStoreContract, K17AReadIsAnsweredOnceAndNotFromInsideTheCallWhileWritesGoOn) {
  Write(Appending(TextEntries(1, 0, 50)));
  std::size_t answered = 0;
  for (std::uint64_t i = 0; i < 40; ++i) {
    Issue(Appending(TextEntries(1, 50 + i, 1)));
    world_->store().Read(LogIndex(i), LogIndex(i + 5), SIZE_MAX, [&answered, i](auto entries) {
      ASSERT_TRUE(entries.has_value());
      EXPECT_EQ(*entries, TextEntries(1, i, 5));
      ++answered;
    });
    EXPECT_EQ(answered, 0U);
  }
  world_->RunUntil([&] { return answered == 40; });
}

TEST_P(LogStoreContract, K17ACursorStaysAsItWasMade) {
  Write(Appending(TextEntries(1, 0, 6)));
  const auto cursor = world_->store().Scan(LogIndex(1), LogIndex(5));
  io::LogBatch batch = Appending(TextEntries(2, 2, 1));
  batch.truncate_from = LogIndex(2);
  batch.purge_to = IdAt(1, 1);
  Write(batch);
  std::vector<Entry> seen;
  while (auto entry = cursor->Next()) seen.push_back(*std::move(entry));
  EXPECT_EQ(seen, TextEntries(1, 1, 4));
  EXPECT_EQ(cursor->Next(), std::nullopt);
}

}  // namespace metasrv::test
