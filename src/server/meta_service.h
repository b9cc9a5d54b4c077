#pragma once

// Private to the gRPC part of this layer: the client API (grpc-api.md §3). One .cc per topic.

#include "backup/request_json.h"
#include "meta.grpc.pb.h"
#include "server/client_api.h"
#include "server/grpc_calls.h"
#include "server/service_context.h"
#include "server/watch_call.h"

namespace metasrv::server {

// `meta.MetaService`. Requests arrive on gRPC's threads; those that need the node are handed to its loop, and the
// loop's answer ends the call. Order of checks: token, payload, leadership, execution (§3.1).
class MetaServiceImpl final
    : public meta::MetaService::WithRawCallbackMethod_Watch<meta::MetaService::CallbackService> {
 public:
  MetaServiceImpl(const ServiceContext& services, const ClientLimits& limits)
      : services_(services), limits_(limits.requests), watches_(limits.watches_per_connection_max) {}

  using Context = grpc::CallbackServerContext;

  // meta_service_reads.cc
  grpc::ServerWriteReactor<meta::StreamItem>* KvReadV1(Context* context, const meta::RaftRequest* request) override;
  grpc::ServerWriteReactor<meta::StreamItem>* KvList(Context* context, const meta::KvListRequest* request) override;

  // meta_service_bidi.cc
  grpc::ServerBidiReactor<meta::HandshakeRequest, meta::HandshakeResponse>* Handshake(Context* context) override;
  grpc::ServerBidiReactor<meta::KvGetManyRequest, meta::StreamItem>* KvGetMany(Context* context) override;

  // meta_service_writes.cc
  grpc::ServerUnaryReactor* KvApi(Context* context, const meta::RaftRequest* request, meta::RaftReply* reply) override;
  grpc::ServerUnaryReactor* Transaction(Context* context, const meta::TxnRequest* request,
                                        meta::TxnReply* reply) override;
  grpc::ServerUnaryReactor* KvTransaction(Context* context, const meta::KvTransactionRequest* request,
                                          meta::KvTransactionReply* reply) override;

  // meta_service_cluster.cc
  grpc::ServerUnaryReactor* MemberList(Context* context, const meta::MemberListRequest* request,
                                       meta::MemberListReply* reply) override;
  grpc::ServerUnaryReactor* GetClusterStatus(Context* context, const meta::Empty* request,
                                             meta::ClusterStatus* reply) override;
  grpc::ServerUnaryReactor* GetClientInfo(Context* context, const meta::Empty* request,
                                          meta::ClientInfo* reply) override;

  // meta_service_export.cc
  grpc::ServerWriteReactor<meta::ExportedChunk>* Export(Context* context, const meta::Empty* request) override;
  grpc::ServerWriteReactor<meta::ExportedChunk>* ExportV1(Context* context,
                                                          const meta::ExportRequest* request) override;
  grpc::ServerWriteReactor<meta::KeysCount>* SnapshotKeysLayout(Context* context,
                                                                const meta::KeysLayoutRequest* request) override;

  // meta_service_watch.cc
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Watch(Context* context, const grpc::ByteBuffer* request) override;

 private:
  [[nodiscard]] std::expected<void, CallError> CheckToken(const Context& context, TokenRule rule) const {
    return services_.sessions.CheckToken(HeaderOf(context, kTokenHeader), rule);
  }
  // What every call begins with: the token, then whether the request is a message at all.
  [[nodiscard]] std::expected<void, CallError> Admit(const Context& context, const google::protobuf::Message& request,
                                                     TokenRule rule = TokenRule::kAlways) const {
    if (auto allowed = CheckToken(context, rule); !allowed) return allowed;
    return CheckDecoded(request);
  }
  [[nodiscard]] std::optional<CallError> TooLarge(const pb::Command& command) const;
  grpc::ServerWriteReactor<meta::ExportedChunk>* StartExport(Context* context, const google::protobuf::Message& request,
                                                             std::uint64_t chunk_lines);

  ServiceContext services_;
  RequestLimits limits_;
  WatchService watches_;
  BackgroundThread exports_;
};

// Answers one of the three reads of KvReadV1. Runs on the node's loop once the view is ready.
void AnswerRead(StreamCall<meta::StreamItem>* call, Metrics& metrics, node::ReadResult view,
                backup::ReadRequest& request);

// "10.0.0.1:5" or "[::1]:5" for gRPC's "ipv4:10.0.0.1:5" or "ipv6:%5B::1%5D:5"; none for anything else.
[[nodiscard]] std::optional<std::string> PeerAddress(const std::string& peer);

}  // namespace metasrv::server
