#include "node/replication_times.h"

namespace metasrv::node {
namespace {

constexpr std::size_t kSentMax = 128;  // per peer

}  // namespace

void ReplicationTimes::OnSend(NodeId to, const Message& message) {
  const auto* append = std::get_if<AppendRequest>(&message);
  if (append == nullptr || append->entries.empty()) return;
  if (append->term != term_) {
    term_ = append->term;
    sent_.clear();
  }
  std::deque<Sent>& sent = sent_[to];
  const LogIndex end = append->entries.back().id.index.Next();
  // A repetition says nothing about how long the first one took.
  if (sent.size() >= kSentMax || (!sent.empty() && end <= sent.back().end)) return;
  sent.push_back({end, context_.Now()});
}

void ReplicationTimes::OnReceive(NodeId from, const Message& message) {
  const auto* response = std::get_if<AppendResponse>(&message);
  if (response == nullptr || !response->success || response->term != term_) return;
  const auto found = sent_.find(from);
  if (found == sent_.end()) return;
  std::deque<Sent>& sent = found->second;
  while (!sent.empty() && sent.front().end <= response->end) {
    context_.env.trace.Measure(context_.id(), Stage::kReplicate, from, context_.Now() - sent.front().at);
    sent.pop_front();
  }
}

}  // namespace metasrv::node
