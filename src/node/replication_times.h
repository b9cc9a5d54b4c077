#pragma once

#include <deque>
#include <map>

#include "consensus/message.h"
#include "node/context.h"

namespace metasrv::node {

// Measures how long new entries take to be durable on each peer, from what goes out and what comes back. Knows of a
// bounded number of appends per peer; an unanswered one is forgotten with its term.
class ReplicationTimes {
 public:
  explicit ReplicationTimes(const Context& context) : context_(context) {}

  void OnSend(NodeId to, const Message& message);
  void OnReceive(NodeId from, const Message& message);

 private:
  struct Sent {
    LogIndex end;
    Instant at;
  };
  const Context& context_;
  Term term_;
  std::map<NodeId, std::deque<Sent>> sent_;  // ascending ends
};

}  // namespace metasrv::node
