#pragma once

// Private to the gRPC part of this layer: one call of Watch (grpc-api.md §7).

#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "meta.pb.h"
#include "node/watch_queue.h"
#include "server/grpc_calls.h"
#include "server/service_context.h"
#include "server/watch_delivery.h"

namespace metasrv::server {

// What the watches of one port share.
struct WatchService {
  explicit WatchService(std::size_t per_connection_max) : connections(per_connection_max) {}

  ConnectionCounts connections;
  WatchDelivery delivery;
};

// A watch between the node's loop, which fills its buffer, and gRPC, which takes one message after the other as the
// client's flow control allows. At any time at most one thread sends: whoever finds the buffer empty stops, and the
// next message wakes the delivery thread. Messages go out as the bytes that all watchers of a change share.
class WatchCall final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                        public node::Watcher,
                        public Deliverable,
                        public std::enable_shared_from_this<WatchCall> {
 public:
  WatchCall(grpc::CallbackServerContext* context, const ServiceContext& services, WatchService& shared,
            std::size_t request_bytes);
  ~WatchCall() override;

  // Answers `request` unless the caller is not `allowed`; the call keeps itself alive until gRPC is done with it.
  // Called once.
  void Start(const std::expected<void, CallError>& allowed, const grpc::ByteBuffer& request);

  // node::Watcher, on the loop
  [[nodiscard]] bool Push(const node::SharedWatchMessage& message) override;
  void End(node::WatchEnd reason) override;
  [[nodiscard]] std::size_t backlog() const override;

  // Deliverable
  void Deliver() override { Continue(); }

 private:
  // gRPC; OnDone and OnCancel take no time, not worth a hop to another thread.
  bool InternalInlineable() override { return true; }
  void OnSendInitialMetadataDone(bool ok) override { ContinueIf(ok); }
  void OnWriteDone(bool ok) override { ContinueIf(ok); }
  void OnCancel() override { End(node::WatchEnd::kCancelled); }
  void OnDone() override;

  // A Trailers-Only response (rule R2). Requires: nothing was sent.
  void Refuse(const CallError& error);
  void Begin(node::Node& node, bool flush);
  void ContinueIf(bool ok);
  // Sends the next message if there is one, or the end. Requires: nobody else sends.
  void Continue();
  void EndFlush();
  void Send(const node::SharedWatchMessage& message, bool more);

  const ServiceContext& services_;
  WatchService& shared_;
  const std::string connection_;
  CallMeter meter_;
  node::WatchSpec spec_;
  std::shared_ptr<WatchCall> self_;  // until OnDone
  bool counted_ = false;             // by shared_.connections

  // Of whoever sends.
  std::optional<node::WatchFlush> flush_;
  grpc::ByteBuffer message_;

  mutable std::mutex mutex_;
  node::WatchQueue queue_;
  std::size_t buffer_bytes_ = 0;
  std::optional<node::WatchId> id_;
  bool sending_ = true;  // somebody sends, or will; also after the last message
};

}  // namespace metasrv::server
