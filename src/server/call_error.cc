#include "server/call_error.h"

namespace metasrv::server {
namespace {

std::string WithDetail(std::string text, const std::string& detail) {
  return detail.empty() ? text : text + ": " + detail;
}

CallError Stopped() { return {CallCode::kUnavailable, "MetaNodeStopped: this node is shutting down"}; }

CallError NoLeader(Routing routing) {
  if (routing == Routing::kRedirect) return {CallCode::kUnavailable, "not leader"};
  return {CallCode::kInternal, "can not forward any more: need to forward but no known leader"};
}

}  // namespace

CallError ErrorOfWrite(const node::WriteResult& result, Routing routing) {
  switch (result.status) {
    case node::WriteStatus::kNoLeader: return NoLeader(routing);
    case node::WriteStatus::kBusy: return {CallCode::kUnavailable, WithDetail("busy, try again", result.detail)};
    case node::WriteStatus::kNoSpace: return {CallCode::kResourceExhausted, result.detail};
    case node::WriteStatus::kRefused:
      // Not retryable: it would fail the same way on every node.
      return {CallCode::kResourceExhausted, WithDetail("the write can not be replicated", result.detail)};
    case node::WriteStatus::kStopped: return Stopped();
    case node::WriteStatus::kUnknown:
    case node::WriteStatus::kApplied: break;
  }
  return {CallCode::kUnavailable, WithDetail("unknown outcome: the write may or may not take effect", result.detail)};
}

CallError ErrorOfRead(node::ReadStatus status) {
  if (status == node::ReadStatus::kStopped) return Stopped();
  if (status == node::ReadStatus::kBusy) return {CallCode::kUnavailable, "busy, try again: too many reads are waiting"};
  return NoLeader(Routing::kRedirect);
}

}  // namespace metasrv::server
