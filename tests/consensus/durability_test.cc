#include "consensus/durability.h"

#include <gtest/gtest.h>

namespace metasrv {
namespace {

TEST(Durability, CountsEntriesOnlyOnceTheirWriteIsDone) {
  Durability durability;
  const PersistSeq first = durability.Issue(std::nullopt, LogIndex(3));
  EXPECT_EQ(durability.durable_end(), LogIndex(0));
  EXPECT_EQ(durability.Barrier(), first);
  durability.Complete(first);
  EXPECT_EQ(durability.durable_end(), LogIndex(3));
  EXPECT_EQ(durability.Barrier(), PersistSeq(0));
}

TEST(Durability, CompletionDoesNotCountForEntriesThatALaterWriteReplaced) {
  Durability durability;
  const PersistSeq first = durability.Issue(std::nullopt, LogIndex(5));
  const PersistSeq second = durability.Issue(LogIndex(2), LogIndex(5));
  durability.Complete(first);
  EXPECT_EQ(durability.durable_end(), LogIndex(2));
  durability.Complete(second);
  EXPECT_EQ(durability.durable_end(), LogIndex(5));
}

TEST(Durability, CutTakesBackWhatWasDurable) {
  Durability durability(LogIndex(9));
  const PersistSeq cut = durability.Issue(LogIndex(4), LogIndex(6));
  EXPECT_EQ(durability.durable_end(), LogIndex(4));
  durability.Complete(cut);
  EXPECT_EQ(durability.durable_end(), LogIndex(6));
}

TEST(Durability, OneCompletionCoversAllEarlierWrites) {
  Durability durability;
  (void)durability.Issue(std::nullopt, LogIndex(1));
  (void)durability.Issue(std::nullopt, LogIndex(2));
  const PersistSeq last = durability.Issue(std::nullopt, LogIndex(3));
  durability.Complete(last);
  EXPECT_EQ(durability.durable_end(), LogIndex(3));
}

}  // namespace
}  // namespace metasrv
