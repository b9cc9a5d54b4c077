#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/sim/faults.h"
#include "io/sim/world.h"
#include "io/transport.h"

namespace metasrv::io {

class SimTransport;

enum class PacketKind : std::uint8_t { kMessage, kRequest, kReply, kUnreachable };
[[nodiscard]] const char* ToString(PacketKind kind);

// One thing on the wire, as an observer sees it. `bytes` is valid during the call only.
struct Packet {
  std::uint64_t id = 0;  // counts sends from 1; a duplicate has the id of its original
  PacketKind kind{};
  NodeId from;
  NodeId to;
  std::uint32_t from_incarnation = 0;
  std::string_view bytes;
};

// Sees every packet. Runs inside the network's step: must not kill a node at once, but may schedule events.
class NetworkObserver {
 public:
  virtual ~NetworkObserver() = default;
  // The packet leaves its sender, whatever becomes of it: the moment at which its promises must be durable.
  virtual void OnLeave(const Packet& packet) = 0;
  // The packet is about to be handled by `packet.to`.
  virtual void OnArrive(const Packet& packet) = 0;
};

// The network of a world: packets of encoded bytes between registered nodes, with faults that are drawn under the names
// "net.*", the directed link as the actor and the link's packet number as the counter.
//
// Without reordering a link keeps its order, like one stream. Packets in flight survive cuts and the crash of either
// end: they may reach a later incarnation (ghosts). Replies reach only the incarnation that asked.
class SimNetwork {
 public:
  explicit SimNetwork(World& world, const NetworkFaults& faults = {});
  ~SimNetwork();
  SimNetwork(const SimNetwork&) = delete;
  SimNetwork& operator=(const SimNetwork&) = delete;

  // Makes a node known, or moves it to another address. Packets find it by the address at the time of sending.
  void Register(NodeId node, const Endpoint& endpoint);

  // --- Faults that the harness sets ---
  void SetFaults(const NetworkFaults& faults) { faults_ = faults; }
  [[nodiscard]] const NetworkFaults& faults() const { return faults_; }
  // Other faults for one direction of one pair; none: those of the network.
  void SetLinkFaults(NodeId from, NodeId to, std::optional<NetworkFaults> faults);
  // While cut, what is sent is lost. Without a fault, everything between registered nodes is open.
  void CutOneWay(NodeId from, NodeId to, bool cut = true);
  void CutBothWays(NodeId a, NodeId b, bool cut = true);
  // Cuts a node off from all others registered so far. Deaf: nothing reaches it. Mute: nothing leaves it.
  void Isolate(NodeId node, bool cut = true);
  void MakeDeaf(NodeId node, bool cut = true);
  void MakeMute(NodeId node, bool cut = true);
  // Holds what would arrive on the link; opening it again delivers everything held, in order.
  void ClogOneWay(NodeId from, NodeId to, bool clogged = true);
  // Ends all cuts, clogs and link faults.
  void Heal();
  [[nodiscard]] bool IsCut(NodeId from, NodeId to) const;

  // May change what is about to arrive: a fault that checksums of the transport would not have caught.
  using Mangler = std::function<void(const Packet& packet, std::string& bytes)>;
  void SetMangler(Mangler mangler) { mangler_ = std::move(mangler); }

  // Not owned; null for none.
  void SetObserver(NetworkObserver* observer) { observer_ = observer; }

  // Packets sent, arrived, and lost for any reason; duplicates count as arrivals only.
  struct Counts {
    std::uint64_t sent = 0;
    std::uint64_t arrived = 0;
    std::uint64_t lost = 0;
    std::uint64_t duplicated = 0;
    std::uint64_t ghosts = 0;  // arrived after their sender or the receiver it was sent to had died
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  friend class SimTransport;

  struct Flight {  // one copy of a packet on its way
    std::uint64_t id = 0;
    std::uint64_t call = 0;  // which Call of the sender; 0 for messages
    PacketKind kind{};
    std::uint32_t from = 0;  // positions in nodes_
    std::uint32_t to = 0;
    std::uint32_t from_incarnation = 0;
    std::uint32_t to_incarnation = 0;  // replies: the only life that may get it; others: the one there at sending
    std::string bytes;
  };
  struct Link {
    bool cut = false;
    bool clogged = false;
    std::uint64_t packets = 0;
    Instant last_arrival;
    std::vector<std::uint32_t> held;  // flights waiting for a clog to end
    std::unique_ptr<NetworkFaults> faults;
  };
  struct Station {
    NodeId id;
    Endpoint endpoint;
    SimTransport* transport = nullptr;  // of the living process, once started
  };

  static constexpr std::uint32_t kUnknown = 0xffffffff;

  void Attach(std::uint32_t position, SimTransport* transport);
  void Detach(std::uint32_t position, SimTransport* transport);
  [[nodiscard]] std::uint32_t Find(const Endpoint& endpoint) const;
  [[nodiscard]] std::uint32_t PositionOf(NodeId node) const;
  [[nodiscard]] SimTransport* Listener(std::uint32_t position) const;
  Link& LinkOf(NodeId from, NodeId to);

  // Fills in ids and incarnations and sends. Requires: both ends are known.
  void Send(Flight flight);
  void SendReply(std::uint32_t from, std::uint32_t to, std::uint32_t to_incarnation, std::uint64_t call,
                 PacketKind kind, std::string bytes);
  [[nodiscard]] bool Loses(const Flight& flight, const Link& link, const NetworkFaults& faults, std::uint64_t number);
  Instant ArrivalOf(const Flight& flight, Link& link, const NetworkFaults& faults, std::uint64_t number);
  void MaybeDuplicate(const Flight& flight, const NetworkFaults& faults, std::uint64_t number);
  void Launch(Flight flight, Instant when);
  void Arrive(std::uint32_t slot);
  void Deliver(Flight flight);
  void Hand(SimTransport& listener, Flight flight);
  void Nobody(Flight flight);
  void SetClogged(Link& link, NodeId to, bool clogged);
  void Record(MarkKind kind, const Flight& flight);
  [[nodiscard]] DrawActor ActorFor(const Flight& flight) const;
  [[nodiscard]] Packet PacketOf(const Flight& flight) const;
  [[nodiscard]] bool IsGhost(const Flight& flight) const;

  World& world_;
  NetworkFaults faults_;
  NetworkObserver* observer_ = nullptr;
  Mangler mangler_;
  Counts counts_;
  std::uint64_t next_call_ = 1;
  std::vector<Station> stations_;
  std::map<Endpoint, std::uint32_t> by_endpoint_;
  std::vector<std::vector<Link>> links_;  // [from][to]
  std::vector<Flight> flights_;
  std::vector<std::uint32_t> free_flights_;
};

}  // namespace metasrv::io
