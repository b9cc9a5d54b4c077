#include "server/meta_service.h"
#include "sm/read.h"

namespace metasrv::server {
namespace {

// One message each way; the first request decides, others are ignored (grpc-api.md §4.2).
class HandshakeCall final : public grpc::ServerBidiReactor<meta::HandshakeRequest, meta::HandshakeResponse> {
 public:
  HandshakeCall(const Sessions& sessions, Metrics& metrics)
      : sessions_(sessions), meter_(metrics, CallKind::kOther, 0) {
    StartRead(&request_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(ToStatus({CallCode::kInternal, "Error request next is None"}));
    if (auto decoded = CheckDecoded(request_); !decoded) return Finish(ToStatus(decoded.error()));
    auto response = sessions_.Handshake(request_);
    if (!response) return Finish(ToStatus(response.error()));
    response_ = std::move(*response);
    ok_ = true;
    StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
  }

  void OnDone() override {
    meter_.End(ok_);
    delete this;
  }

  const Sessions& sessions_;
  CallMeter meter_;
  meta::HandshakeRequest request_;
  meta::HandshakeResponse response_;
  bool ok_ = false;
};

// Answers keys as they arrive, all from the view taken when the call began (grpc-api.md §3.4). The client sends no key
// before it has the headers, so they leave as soon as the view is there (rule R1).
class GetManyCall final : public grpc::ServerBidiReactor<meta::KvGetManyRequest, meta::StreamItem> {
 public:
  using Context = grpc::CallbackServerContext;

  GetManyCall(Context* context, Metrics& metrics)
      : context_(context), metrics_(metrics), meter_(metrics, CallKind::kRead, 0) {}

  void Begin(node::ReadResult view) {
    view_ = std::move(view);
    StartSendInitialMetadata();
  }

  void Fail(const CallError& error, const std::optional<std::string>& leader_hint = std::nullopt) {
    if (leader_hint) context_->AddTrailingMetadata(kLeaderHintHeader, *leader_hint);
    Finish(ToStatus(error));
  }

 private:
  void OnSendInitialMetadataDone(bool ok) override { ReadNext(ok); }
  void OnWriteDone(bool ok) override { ReadNext(ok); }

  void ReadNext(bool ok) {
    if (!ok) return Finish(grpc::Status(grpc::StatusCode::CANCELLED, "the client has gone"));
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      ok_ = !context_->IsCancelled();
      return Finish(grpc::Status::OK);
    }
    if (auto decoded = CheckDecoded(request_); !decoded) return Finish(ToStatus(decoded.error()));
    item_.Clear();
    item_.set_key(request_.key());
    if (auto record = sm::GetRecord(*view_.state, request_.key(), view_.now)) {
      *item_.mutable_value() = std::move(*record);
    }
    metrics_.ItemSent(ItemKind::kMGet);
    metrics_.Sent(item_.ByteSizeLong());
    StartWrite(&item_);
  }

  void OnDone() override {
    meter_.End(ok_);
    delete this;
  }

  Context* context_;
  Metrics& metrics_;
  CallMeter meter_;
  node::ReadResult view_;
  meta::KvGetManyRequest request_;
  meta::StreamItem item_;
  bool ok_ = false;
};

}  // namespace

grpc::ServerBidiReactor<meta::HandshakeRequest, meta::HandshakeResponse>* MetaServiceImpl::Handshake(Context*) {
  return new HandshakeCall(services_.sessions, services_.metrics);
}

grpc::ServerBidiReactor<meta::KvGetManyRequest, meta::StreamItem>* MetaServiceImpl::KvGetMany(Context* context) {
  auto* call = new GetManyCall(context, services_.metrics);
  if (auto allowed = CheckToken(*context, TokenRule::kAlways); !allowed) return call->Fail(allowed.error()), call;
  services_.node.Read([call, this](node::ReadResult view) {
    if (view.status == node::ReadStatus::kReady) return call->Begin(std::move(view));
    services_.metrics.ReadFailed();
    call->Fail(ErrorOfRead(view.status), services_.node.LeaderHint());
  });
  return call;
}

}  // namespace metasrv::server
