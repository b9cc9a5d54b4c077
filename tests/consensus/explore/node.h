#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tests/consensus/explore/digest.h"
#include "tests/support/raft_cluster.h"

namespace metasrv::test {

// A whole state on its way to a peer, and the news of how that ended on its way back. Both may be lost.
struct Transfer {
  Term term;
  SnapshotMeta meta;
};
struct TransferEnded {
  SnapshotSent sent;
};

// Something on the network.
struct Packet {
  NodeId from;
  NodeId to;
  std::variant<Message, Transfer, TransferEnded> content;
};

// One node: consensus, its disk, and the messages that wait for the disk. A value; every change makes a new one.
struct Node {
  struct Held {
    PersistSeq after;
    Packet packet;
    std::optional<LogId> promised;  // a positive append answer: the last entry that it says is here
  };
  Raft raft;
  Instant now;
  Disk disk;
  std::vector<Held> held;

  [[nodiscard]] Digest digest() const;
};

// How the world around the nodes is to behave.
struct Physics {
  RaftOptions options;     // times far apart, and no spread of the election timeout: nothing depends on the generator
  bool sync_disk = false;  // every write is durable at once; otherwise it is an event of its own
  bool impatient = false;  // planted fault: messages leave without waiting for the disk
  bool forgets_hard_state = false;  // planted fault: a restarted node has lost its term and vote
};

// What can happen at a node.
struct Event {
  enum class Kind : std::uint8_t {
    kReceive,    // a packet arrives
    kPersist,    // the oldest write in flight becomes durable
    kTimeout,    // a long silence: the election timeout fires
    kHeartbeat,  // a leader's heartbeat is due
    kStall,      // a leader hears of nobody for long
    kPropose,
    kRead,
    kChange,    // the planned membership change
    kTransfer,  // leadership is to go to another node
    kCompact,   // the state becomes durable, the log before it is forgotten
    kCrash,     // and restart: what was not durable is gone
    kLose,      // a packet is lost; nothing happens at any node
  };
  Kind kind{};
  std::uint32_t argument = 0;  // kReceive: packet; kPropose, kRead: number; kTransfer: to whom
};

// What an event did, besides the new state.
struct Effect {
  std::vector<Packet> sent;
  std::vector<Entry> applied;
  std::vector<ReadReady> reads;
  std::vector<std::string> broken;  // promises given too early, entries applied out of order
};

class NodeStepper {
 public:
  NodeStepper(const Physics& physics, std::optional<ChangeMembership> change)
      : physics_(physics), change_(std::move(change)) {}

  // A node that starts with `log` on its disk.
  [[nodiscard]] Node Boot(NodeId id, std::vector<Entry> log) const;

  // None when the event is not possible or changes nothing. `packet`: what arrives, for kReceive.
  [[nodiscard]] std::optional<Node> Step(const Node& node, const Event& event, const Packet* packet,
                                         Effect& effect) const;

 private:
  void Feed(Node& node, Input input, Effect& effect) const;
  void Absorb(Node& node, Output out, Effect& effect) const;
  void Post(Node& node, const Node::Held& held, Effect& effect) const;
  void PersistOne(Node& node, Effect& effect) const;
  void Receive(Node& node, const Packet& packet, Effect& effect) const;
  void Compact(Node& node, Effect& effect) const;
  [[nodiscard]] Node Restarted(const Node& node) const;

  Physics physics_;
  std::optional<ChangeMembership> change_;
};

[[nodiscard]] std::string Print(const Packet& packet);

}  // namespace metasrv::test
