#pragma once

// Included by the generated services, so that a request that is no valid message reaches the call it was sent to. By
// itself gRPC answers such a request with UNIMPLEMENTED and an empty text, and ends a stream of requests as if the
// client had closed it.

#include <grpcpp/impl/codegen/proto_utils.h>

#include "meta.pb.h"

namespace metasrv::proto {

// No message of the protocol has this field.
inline constexpr int kUndecodableMark = 536'870'911;

// Decodes requests. One that can not be decoded becomes an empty message with a mark.
template <class Request>
struct RequestTraits {
  static grpc::Status Serialize(const google::protobuf::MessageLite& request, grpc::ByteBuffer* buffer, bool* own) {
    return grpc::GenericSerialize<grpc::ProtoBufferWriter, Request>(request, buffer, own);
  }
  static grpc::Status Deserialize(grpc::ByteBuffer* buffer, Request* request) {
    if (grpc::GenericDeserialize<grpc::ProtoBufferReader, Request>(buffer, request).ok()) return grpc::Status::OK;
    request->Clear();
    request->GetReflection()->MutableUnknownFields(request)->AddVarint(kUndecodableMark, 1);
    return grpc::Status::OK;
  }
};

[[nodiscard]] inline bool IsDecoded(const google::protobuf::Message& request) {
  const auto& unknown = request.GetReflection()->GetUnknownFields(request);
  return unknown.empty() || unknown.field(0).number() != kUndecodableMark;
}

}  // namespace metasrv::proto

namespace grpc {

template <>
class SerializationTraits<meta::Empty, void> : public metasrv::proto::RequestTraits<meta::Empty> {};
template <>
class SerializationTraits<meta::ExportRequest, void> : public metasrv::proto::RequestTraits<meta::ExportRequest> {};
template <>
class SerializationTraits<meta::HandshakeRequest, void> : public metasrv::proto::RequestTraits<meta::HandshakeRequest> {
};
template <>
class SerializationTraits<meta::KeysLayoutRequest, void>
    : public metasrv::proto::RequestTraits<meta::KeysLayoutRequest> {};
template <>
class SerializationTraits<meta::KvGetManyRequest, void> : public metasrv::proto::RequestTraits<meta::KvGetManyRequest> {
};
template <>
class SerializationTraits<meta::KvListRequest, void> : public metasrv::proto::RequestTraits<meta::KvListRequest> {};
template <>
class SerializationTraits<meta::KvTransactionRequest, void>
    : public metasrv::proto::RequestTraits<meta::KvTransactionRequest> {};
template <>
class SerializationTraits<meta::MemberListRequest, void>
    : public metasrv::proto::RequestTraits<meta::MemberListRequest> {};
template <>
class SerializationTraits<meta::RaftRequest, void> : public metasrv::proto::RequestTraits<meta::RaftRequest> {};
template <>
class SerializationTraits<meta::TxnRequest, void> : public metasrv::proto::RequestTraits<meta::TxnRequest> {};
template <>
class SerializationTraits<meta::WatchRequest, void> : public metasrv::proto::RequestTraits<meta::WatchRequest> {};

}  // namespace grpc
