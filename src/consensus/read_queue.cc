#include "consensus/read_queue.h"

#include <algorithm>

#include "common/check.h"

namespace metasrv {

void ReadQueue::AdmitEarly(LogIndex commit_end) {
  CHECK(sent_.empty());  // no round confirms anything before
  for (Item& item : early_) {
    item.end = std::max(item.end, commit_end);
    waiting_.push_back(item);
  }
  early_.clear();
}

void ReadQueue::Send(std::uint64_t round) {
  CHECK_GT(round, 0U);
  if (!sent_.empty()) CHECK_GE(round, sent_.back().round);
  for (const Item& item : waiting_) sent_.push_back({round, item});
  waiting_.clear();
}

std::vector<ReadQueue::Item> ReadQueue::Confirm(std::uint64_t round) {
  std::vector<Item> confirmed;
  while (!sent_.empty() && sent_.front().round <= round) {
    confirmed.push_back(sent_.front().item);
    sent_.pop_front();
  }
  return confirmed;
}

std::vector<ReadQueue::Item> ReadQueue::Drain() {
  std::vector<Item> all;
  for (const Sent& sent : sent_) all.push_back(sent.item);
  all.insert(all.end(), waiting_.begin(), waiting_.end());
  all.insert(all.end(), early_.begin(), early_.end());
  sent_.clear();
  waiting_.clear();
  early_.clear();
  return all;
}

}  // namespace metasrv
