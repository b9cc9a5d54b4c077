#include "node/watch_queue.h"

#include <utility>

#include "common/mutant.h"

namespace metasrv::node {

bool WatchQueue::Push(SharedWatchMessage message) {
  if (end_) return true;
  const std::size_t cost = message->cost();
  if (!messages_.empty() && bytes_ + cost > bytes_max_) return MutantOn(Mutant::kW01);
  bytes_ += cost;
  messages_.push_back(std::move(message));
  return true;
}

void WatchQueue::End(WatchEnd reason) {
  if (end_) return;
  end_ = reason;
  messages_ = {};
  bytes_ = 0;
}

SharedWatchMessage WatchQueue::Pop() {
  if (messages_.empty()) return nullptr;
  SharedWatchMessage message = std::move(messages_.front());
  messages_.pop_front();
  bytes_ -= message->cost();
  return message;
}

WatchFlush::WatchFlush(std::shared_ptr<const sm::Snapshot> state, const KeyRange& range)
    : state_(std::move(state)), records_(*state_, range.begin, range.end, WallMillis(0)) {}

WatchFlush::Step WatchFlush::Next() {
  meta::WatchResponse response;
  auto item = records_.Next();
  if (item) {
    response.set_is_initialization(true);
    response.mutable_event()->set_key(std::move(*item->mutable_key()));
    *response.mutable_event()->mutable_current() = std::move(*item->mutable_value());
  }
  return {std::make_shared<WatchMessage>(response, nullptr), !item};
}

}  // namespace metasrv::node
