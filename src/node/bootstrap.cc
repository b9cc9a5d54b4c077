#include "node/bootstrap.h"

#include <string>
#include <utility>

#include "node/startup.h"

namespace metasrv::node {

bool IsUninitialised(const io::LogContents& contents, const Log& log, const SnapshotMeta& state) {
  return !contents.hard_state && !contents.purged && log.begin() == log.end() && !state.last;
}

Entry FirstEntry(NodeId id, Incarnation disk, ClusterId cluster) {
  Membership membership = UniformMembership({id});
  membership.identity = {.cluster = cluster, .disks = {{id, disk}}};
  return Entry::OfMembership({Term(0), id, LogIndex(0)}, std::move(membership));
}

void Found(Context& context, Forwarder& forwarder, Members& members, std::function<void()> done) {
  pb::ForwardRequest request;
  request.set_hops(1);
  *request.mutable_write() = AddSelf(context.options, false);
  forwarder.Route(std::move(request), Forwarder::Reach::kHere,
                  [&context, &members, done = std::move(done)](const Outcome& written) {
                    if (!written.ok()) {
                      context.Warn("the node's record was not written: " + written.reply.detail());
                      return done();
                    }
                    members.Change(context.id(), MembershipGoal::kRewrite,
                                   [&context, done](const MembershipDone& ended) {
                                     const std::string id = std::to_string(context.id().value());
                                     if (ended.result == MembershipResult::kDone)
                                       context.Info("Initialized with: {" + id + "}");
                                     done();
                                   });
                  });
}

}  // namespace metasrv::node
