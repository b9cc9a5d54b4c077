#include "node/answer.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace metasrv::node {
namespace {

TEST(Answer, IsToldOnceAndPassesTheResultOn) {
  std::vector<int> told;
  Answer<int> answer = [&](int result) { told.push_back(result); };
  EXPECT_TRUE(answer.owed());
  answer(7);
  EXPECT_FALSE(answer.owed());
  EXPECT_EQ(told, std::vector<int>{7});
}

TEST(Answer, MovingHandsTheDutyOn) {
  int told = 0;
  Answer<int> first = [&](int) { ++told; };
  Answer<int> second = std::move(first);
  EXPECT_TRUE(second.owed());
  Answer<int> third;
  EXPECT_FALSE(third.owed());
  third = std::move(second);
  third(1);
  EXPECT_EQ(told, 1);
}

TEST(Answer, MayEndTheLifeOfWhatItIsPartOf) {
  struct Job {
    Answer<int> done;
  };
  auto job = std::make_unique<Job>();
  bool told = false;
  job->done = [&](int) {
    job.reset();
    told = true;
  };
  job->done(1);
  EXPECT_TRUE(told);
}

TEST(AnswerDeathTest, ForgettingEndsTheProcess) {
  EXPECT_DEATH({ const Answer<int> answer = [](int) {}; }, "owed_");
}

TEST(AnswerDeathTest, TellingTwiceEndsTheProcess) {
  EXPECT_DEATH(
      {
        Answer<int> answer = [](int) {};
        answer(1);
        answer(2);
      },
      "owed_");
}

}  // namespace
}  // namespace metasrv::node
