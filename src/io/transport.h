#pragma once

#include <functional>
#include <string>

#include "common/ids.h"
#include "common/time.h"

namespace metasrv::io {

// Carries opaque bytes between nodes. May lose, delay, repeat and reorder messages; never corrupts them. All callbacks
// run on the node's event loop; all calls must come from it.
class Transport {
 public:
  // A one-way message from a peer. The transport does not know who sent it: the bytes say so.
  using MessageHandler = std::function<void(std::string bytes)>;
  // Answers one Call with `reply`; must be used exactly once.
  using Responder = std::move_only_function<void(std::string reply)>;
  using CallHandler = std::function<void(std::string request, Responder respond)>;
  // The reply, or none: nobody answered in time, and the request may or may not have been handled.
  using CallDone = std::move_only_function<void(bool answered, std::string reply)>;

  virtual ~Transport() = default;

  // Starts delivering; called once, before anything is sent.
  virtual void Start(MessageHandler on_message, CallHandler on_call) = 0;

  // Sends one message to the node whose raft port is `to`; never blocks, may drop (a full queue drops the new message).
  virtual void Send(const Endpoint& to, std::string bytes) = 0;

  // Sends a request and reports exactly once: the reply, or that `timeout` passed or the peer was unreachable.
  virtual void Call(const Endpoint& to, std::string request, Duration timeout, CallDone done) = 0;
};

}  // namespace metasrv::io
