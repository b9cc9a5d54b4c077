#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "tests/consensus/explore/history.h"
#include "tests/consensus/explore/node.h"

namespace metasrv::test {

struct DigestHash {
  std::size_t operator()(const Digest& digest) const { return digest.low; }
};

// Numbers equal values equally, so that a global state is a handful of integers. References stay valid.
template <class T>
class Interned {
 public:
  using Ix = std::uint32_t;

  // The number, and whether it is new; a known value is dropped.
  std::pair<Ix, bool> Add(const Digest& digest, T&& value) {
    auto [at, is_new] = numbers_.try_emplace(digest, static_cast<Ix>(values_.size()));
    if (is_new) values_.push_back(std::make_unique<const T>(std::move(value)));
    return {at->second, is_new};
  }
  [[nodiscard]] const T& operator[](Ix ix) const { return *values_[ix]; }
  [[nodiscard]] std::size_t size() const { return values_.size(); }

 private:
  std::unordered_map<Digest, Ix, DigestHash> numbers_;
  std::vector<std::unique_ptr<const T>> values_;
};

using NodeIx = Interned<Node>::Ix;
using PacketIx = Interned<Packet>::Ix;

// What one event does at one node: the same in whatever global state it happens.
struct Outcome {
  NodeIx next = 0;
  std::vector<PacketIx> sent;
  Effect effect;  // without `sent`
};

// All node states and packets met so far, and the steps between them, each computed once.
class Space {
 public:
  Space(const Physics& physics, std::optional<ChangeMembership> change) : stepper_(physics, std::move(change)) {}

  [[nodiscard]] NodeIx Boot(NodeId id, std::vector<Entry> log);
  // Null when the event is not possible there.
  [[nodiscard]] const Outcome* Step(NodeIx at, const Event& event);
  // Log Matching between two node states.
  [[nodiscard]] bool LogsMatch(NodeIx a, NodeIx b);

  [[nodiscard]] const Node& node(NodeIx ix) const { return nodes_[ix]; }
  [[nodiscard]] const Packet& packet(PacketIx ix) const { return packets_[ix]; }
  [[nodiscard]] std::size_t node_count() const { return nodes_.size(); }
  [[nodiscard]] std::size_t packet_count() const { return packets_.size(); }
  [[nodiscard]] std::size_t audit_count() const { return audits_; }

 private:
  NodeIx Keep(Node node);
  PacketIx Keep(Packet packet);
  std::optional<Outcome> Compute(const Node& node, const Event& event);
  void Audit(NodeIx at, const Event& event, const std::optional<Outcome>& outcome);

  NodeStepper stepper_;
  Interned<Node> nodes_;
  Interned<Packet> packets_;
  std::unordered_map<std::uint64_t, std::unique_ptr<const Outcome>> steps_;
  std::unordered_map<std::uint64_t, bool> matches_;
  // For some node states, one that came about in another way and has the same digest.
  std::unordered_map<NodeIx, std::unique_ptr<const Node>> twins_;
  std::size_t audits_ = 0;
};

}  // namespace metasrv::test
