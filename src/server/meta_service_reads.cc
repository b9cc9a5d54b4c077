#include <variant>

#include "backup/request_json.h"
#include "server/meta_service.h"
#include "sm/read.h"

namespace metasrv::server {
namespace {

using Stream = StreamCall<meta::StreamItem>;

meta::StreamItem ReadItem(const node::ReadResult& view, const std::string& key) {
  meta::StreamItem item;
  item.set_key(key);
  if (auto record = sm::GetRecord(*view.state, key, view.now)) *item.mutable_value() = std::move(*record);
  return item;
}

Stream::Producer MGetProducer(node::ReadResult view, std::vector<std::string> keys, Metrics& metrics) {
  return [view = std::move(view), keys = std::move(keys), next = std::size_t{0}, &metrics](auto* item) mutable {
    if (next == keys.size()) return false;
    *item = ReadItem(view, keys[next++]);
    metrics.ItemSent(ItemKind::kMGet);
    return true;
  };
}

// Reads nothing before the first item is asked for, which is not on the loop.
class ListProducer {
 public:
  ListProducer(const node::ReadResult& view, std::string prefix, std::optional<std::uint64_t> limit, Metrics& metrics)
      : state_(view.state), prefix_(std::move(prefix)), now_(view.now), limit_(limit), metrics_(&metrics) {}

  bool operator()(meta::StreamItem* item) {
    if (limit_ && *limit_ == 0) return false;
    if (!scan_) scan_ = std::make_unique<sm::PrefixScan>(*state_, prefix_, now_);
    auto found = scan_->Next();
    if (!found) return false;
    if (limit_) --*limit_;
    *item = std::move(*found);
    metrics_->ItemSent(ItemKind::kList);
    return true;
  }

 private:
  std::shared_ptr<const sm::Snapshot> state_;  // outlives the scan of it
  std::string prefix_;
  WallMillis now_;
  std::unique_ptr<sm::PrefixScan> scan_;
  std::optional<std::uint64_t> limit_;
  Metrics* metrics_;
};

struct Answer {
  Stream* call;
  Metrics& metrics;
  node::ReadResult view;

  void operator()(const backup::GetKv& get) const {
    metrics.ItemSent(ItemKind::kGet);
    call->Single(ReadItem(view, get.key));
  }
  void operator()(backup::MGetKv& mget) const { call->Begin(MGetProducer(view, std::move(mget.keys), metrics)); }
  void operator()(backup::ListKv& list) const {
    call->Begin(ListProducer(view, std::move(list.prefix), std::nullopt, metrics));
  }
};

}  // namespace

void AnswerRead(StreamCall<meta::StreamItem>* call, Metrics& metrics, node::ReadResult view,
                backup::ReadRequest& request) {
  std::visit(Answer{call, metrics, std::move(view)}, request);
}

grpc::ServerWriteReactor<meta::StreamItem>* MetaServiceImpl::KvReadV1(Context* context,
                                                                      const meta::RaftRequest* request) {
  auto* call = new Stream(context, services_.metrics, CallKind::kRead, request->ByteSizeLong());
  if (auto allowed = Admit(*context, *request); !allowed) return call->Fail(allowed.error()), call;
  auto read = backup::ParseReadRequest(request->data());
  if (!read) return call->Fail({CallCode::kInvalidArgument, read.error().reason}), call;
  services_.node.Read([call, read = std::move(*read), this](node::ReadResult view) mutable {
    if (view.status != node::ReadStatus::kReady) {
      services_.metrics.ReadFailed();
      return call->Fail(ErrorOfRead(view.status), services_.node.LeaderHint());
    }
    AnswerRead(call, services_.metrics, std::move(view), read);
  });
  return call;
}

grpc::ServerWriteReactor<meta::StreamItem>* MetaServiceImpl::KvList(Context* context,
                                                                    const meta::KvListRequest* request) {
  auto* call = new Stream(context, services_.metrics, CallKind::kRead, request->ByteSizeLong());
  if (auto allowed = Admit(*context, *request); !allowed) return call->Fail(allowed.error()), call;
  const auto limit = request->has_limit() ? std::optional(request->limit()) : std::nullopt;
  services_.node.Read([call, prefix = request->prefix(), limit, this](const node::ReadResult& view) {
    if (view.status != node::ReadStatus::kReady) {
      services_.metrics.ReadFailed();
      return call->Fail(ErrorOfRead(view.status), services_.node.LeaderHint());
    }
    call->Begin(ListProducer(view, prefix, limit, services_.metrics));
  });
  return call;
}

}  // namespace metasrv::server
