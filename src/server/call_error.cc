#include "server/call_error.h"

namespace metasrv::server {
namespace {

std::string WithDetail(std::string text, const std::string& detail) {
  return detail.empty() ? text : text + ": " + detail;
}

CallError Stopped() { return {CallCode::kUnavailable, "MetaNodeStopped: this node is shutting down"}; }

CallError StateWrong() {
  return {CallCode::kUnavailable,
          "this node has found its state to be wrong and is getting another: watch another node"};
}

CallError NoLeader(Routing routing) {
  if (routing == Routing::kRedirect) return {CallCode::kUnavailable, "not leader"};
  return {CallCode::kInternal, "can not forward any more: need to forward but no known leader"};
}

}  // namespace

CallError ErrorOfWrite(const node::WriteResult& result, Routing routing) {
  switch (result.status) {
    case node::WriteStatus::kNoLeader: return NoLeader(routing);
    case node::WriteStatus::kUnreachable: return {CallCode::kInternal, "ConnectionError: " + result.detail};
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

CallError ErrorOfWatch(node::WatchRefusal refusal) {
  switch (refusal) {
    case node::WatchRefusal::kTooMany:
      return {CallCode::kResourceExhausted,
              "too many watches are open on this node (`watch.streams_max`): close some, or watch another node"};
    case node::WatchRefusal::kOff:
      return {CallCode::kUnavailable, "watches are switched off on this node (`watch.on`): watch another node"};
    case node::WatchRefusal::kStateWrong: return StateWrong();
    case node::WatchRefusal::kStopped: break;
  }
  return Stopped();
}

CallError ErrorOfTooManyOnConnection(std::size_t watches_max) {
  return {CallCode::kResourceExhausted, "this connection has " + std::to_string(watches_max) +
                                            " watches open already (`watch.streams_per_connection_max`): close some, "
                                            "or open another connection"};
}

CallError ErrorOfWatchEnd(node::WatchEnd end) {
  switch (end) {
    case node::WatchEnd::kCancelled: return {CallCode::kCancelled, "the client has gone"};
    case node::WatchEnd::kTooSlow:
      return {CallCode::kUnavailable,
              "the watch fell behind: more changes were waiting for it than `watch.buffer_bytes` holds; read the "
              "present state and watch again"};
    case node::WatchEnd::kNoMemory:
      return {CallCode::kUnavailable,
              "the watch fell behind: more changes were waiting for slow watches than `watch.memory_bytes` holds; read "
              "the present state and watch again"};
    case node::WatchEnd::kStateReplaced:
      return {CallCode::kUnavailable,
              "this node was too far behind and got its state as a snapshot, so that the changes in between are not "
              "known; read the present state and watch again"};
    case node::WatchEnd::kStateWrong: return StateWrong();
    case node::WatchEnd::kStopped: break;
  }
  return Stopped();
}

}  // namespace metasrv::server
