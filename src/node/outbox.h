#pragma once

#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "consensus/message.h"
#include "node/context.h"

namespace metasrv::node {

// What consensus wants to have sent, gathered until everything that was fed has been worked off. A sign of life (an
// append without entries and without a new confirmation round) only carries the commit point, so it waits for a moment:
// the next append to that peer takes its place. Consensus copes with messages that get lost, thus with those left out.
class Outbox {
 public:
  using Send = std::function<void(NodeId to, const Message& message)>;

  Outbox(Context& context, Send send);

  void Add(NodeId to, const Message& message);
  // Sends everything but signs of life that may still be taken along.
  void Flush();
  void Stop();

 private:
  struct Peer {
    Term term;
    std::uint64_t round = 0;               // of the newest append
    std::optional<AppendRequest> waiting;  // a sign of life
    Instant due;
  };

  [[nodiscard]] static bool IsSignOfLife(const Peer& peer, const AppendRequest& request);
  void AddAppend(NodeId to, const AppendRequest& request);
  void SendDue();

  Context& context_;
  Send send_;
  Timer timer_;
  std::vector<std::pair<NodeId, Message>> ready_;
  std::map<NodeId, Peer> peers_;
};

}  // namespace metasrv::node
