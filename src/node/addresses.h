#pragma once

#include <map>
#include <optional>

#include "common/ids.h"
#include "consensus/types.h"
#include "meta.pb.h"
#include "sm/store.h"

namespace metasrv::node {

// Who is reached where: the replicated node table, and what peers' messages say about themselves. The newest news wins,
// so that a member with a new address is reached before its registration is applied, and a fresh joiner before its
// record is. Who was removed stays known: the leader still has to tell it.
class Addresses {
 public:
  // Takes over what changed in the replicated node table since the last call.
  void Reload(const sm::Reader& state);

  // Takes over what a log entry that is not applied yet says about a member. After a power cut the state may be far
  // behind its log, and without an address nobody could be asked for the vote that lets the log be applied.
  void Foresee(const Entry& entry);

  // A message from `id` named `endpoint` as its sender's address.
  void Learn(NodeId id, const Endpoint& endpoint);

  [[nodiscard]] std::optional<Endpoint> Find(NodeId id) const;

  // The replicated node table.
  [[nodiscard]] const std::map<NodeId, meta::Node>& table() const { return table_; }

  // The member other than `id` that is recorded at `endpoint`.
  [[nodiscard]] std::optional<NodeId> OtherUserOf(const Endpoint& endpoint, NodeId id) const;

 private:
  std::map<NodeId, meta::Node> table_;
  std::map<NodeId, Endpoint> endpoints_;
};

[[nodiscard]] Endpoint EndpointOf(const meta::Node& node);

}  // namespace metasrv::node
