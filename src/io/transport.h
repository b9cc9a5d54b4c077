#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/ids.h"
#include "common/time.h"

namespace metasrv::io {

// How a call ended.
enum class CallEnd : std::uint8_t {
  kAnswered,
  kNotReached,  // the request was not handed to anybody, and will not be
  kUnanswered,  // it may or may not have been handled
};

// Carries opaque bytes between nodes. May lose, delay, repeat and reorder messages; never corrupts them. All callbacks
// run on the node's event loop; all calls must come from it.
class Transport {
 public:
  // A one-way message from a peer. The transport does not know who sent it: the bytes say so.
  using MessageHandler = std::function<void(std::string bytes)>;
  // Answers one Call with `reply`; must be used exactly once.
  using Responder = std::move_only_function<void(std::string reply)>;
  using CallHandler = std::function<void(std::string request, Responder respond)>;
  // `text` is the reply, or why the peer was not reached.
  using CallDone = std::move_only_function<void(CallEnd end, std::string text)>;

  virtual ~Transport() = default;

  // Starts delivering; called once, before anything is sent.
  virtual void Start(MessageHandler on_message, CallHandler on_call) = 0;

  // Sends one message to the node whose raft port is `to`; never blocks, may drop (a full queue drops the new message).
  virtual void Send(const Endpoint& to, std::string bytes) = 0;

  // Sends a request and reports exactly once: the reply, or that there is none after `timeout` at the latest.
  virtual void Call(const Endpoint& to, std::string request, Duration timeout, CallDone done) = 0;
};

}  // namespace metasrv::io
