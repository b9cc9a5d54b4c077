#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/io/state_store_contract.h"

// The part of the contract of sm::Store that is about going on with an unfinished install (docs/STORAGE.md, K16).
namespace metasrv::test {

TEST_P(StateStoreContract, K16NothingIsStagedWithoutAMark) {
  EXPECT_EQ(store().Staged(), std::nullopt);
  store().NewInstaller()->Add({{"b", "2"}});
  EXPECT_EQ(store().Staged(), std::nullopt);
}

TEST_P(StateStoreContract, K16MarkedRowsAreGoneOnWithAfterTheInstallerWasDropped) {
  Put("a", "1");
  {
    const auto installer = store().NewInstaller();
    installer->Add({{"b", "2"}}, "first");
    installer->Add({{"c", "2"}}, "second");
  }
  EXPECT_EQ(store().Staged(), "second");
  EXPECT_EQ(Show(store()), "a=1");
  {
    const auto resumed = store().ResumeInstaller();
    resumed->Add({{"d", "2"}}, "third");
    ASSERT_TRUE(Await(StartCommit(*resumed)));
  }
  EXPECT_EQ(Show(store()), "b=2 c=2 d=2");
  EXPECT_EQ(store().Staged(), std::nullopt);
  CrashAndOpen();
  EXPECT_EQ(Show(store()), "b=2 c=2 d=2");
  EXPECT_EQ(store().Staged(), std::nullopt);
}

TEST_P(StateStoreContract, K16ANewInstallerForgetsWhatWasStaged) {
  store().NewInstaller()->Add({{"b", "2"}}, "mark");
  {
    const auto installer = store().NewInstaller();
    EXPECT_EQ(store().Staged(), std::nullopt);
    installer->Add({{"c", "3"}});
    ASSERT_TRUE(Await(StartCommit(*installer)));
  }
  EXPECT_EQ(Show(store()), "c=3");
  Reopen();
  EXPECT_EQ(Show(store()), "c=3");
}

TEST_P(StateStoreContract, K16ACleanRestartKeepsWhatIsStaged) {
  store().NewInstaller()->Add({{"b", "2"}}, "mark");
  EXPECT_TRUE(Flush());
  Reopen();
  ASSERT_EQ(store().Staged(), "mark");
  {
    const auto resumed = store().ResumeInstaller();
    ASSERT_TRUE(Await(StartCommit(*resumed)));
  }
  EXPECT_EQ(Show(store()), "b=2");
}

// The mark never tells of more or fewer rows than are there, and of at least what was flushed.
TEST_P(StateStoreContract, K16ACrashLeavesTheRowsAndTheMarkOfOneAdd) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    NewWorld(seed);
    Prng prng(seed);
    std::vector<std::string> texts = {""};
    std::map<std::string, std::string> rows;
    std::size_t durable = 0;
    {
      const auto installer = store().NewInstaller();
      for (std::uint64_t i = prng.Between(1, 20); i > 0; --i) {
        const std::string key = "n" + std::to_string(100 + texts.size());
        rows[key] = "2";
        texts.push_back(Show(rows));
        installer->Add({{key, "2"}}, std::to_string(texts.size() - 1));
        if (prng.Chance(300'000)) Put("own" + std::to_string(i), "1");
        if (!prng.Chance(200'000)) continue;
        ASSERT_TRUE(Flush());
        durable = texts.size() - 1;
      }
    }
    CrashAndOpen();
    const std::size_t found = std::stoull(store().Staged().value_or("0"));
    EXPECT_GE(found, durable);
    ASSERT_LT(found, texts.size());
    if (found == 0) continue;
    const auto resumed = store().ResumeInstaller();
    ASSERT_TRUE(Await(StartCommit(*resumed)));
    EXPECT_EQ(Show(store()), texts[found]);
  }
}

}  // namespace metasrv::test
