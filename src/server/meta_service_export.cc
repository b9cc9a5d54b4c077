#include "backup/exporter.h"
#include "server/keys_layout.h"
#include "server/meta_service.h"

namespace metasrv::server {
namespace {

constexpr std::uint64_t kDefaultChunkLines = 32;

// A chunk ends early rather than come near the message limit; one longer line still goes alone.
constexpr std::size_t kChunkBytesMax = std::size_t{4} * 1024 * 1024;

backup::Source ToSource(node::ExportSource source) {
  return {source.node_id, source.hard_state,     source.committed,
          source.purged,  std::move(source.log), std::move(source.state)};
}

// Collects the lines of the export into chunks.
class ChunkProducer {
 public:
  ChunkProducer(node::ExportSource source, std::uint64_t chunk_lines)
      : exporter_(ToSource(std::move(source))), chunk_lines_(chunk_lines) {}

  bool operator()(meta::ExportedChunk* chunk) {
    std::size_t bytes = 0;
    for (std::uint64_t i = 0; i < chunk_lines_ && bytes < kChunkBytesMax && exporter_.Next(&line_); ++i) {
      chunk->add_data(line_);
      bytes += line_.size();
    }
    return chunk->data_size() > 0;
  }

 private:
  backup::Exporter exporter_;
  std::uint64_t chunk_lines_;
  std::string line_;
};

}  // namespace

grpc::ServerWriteReactor<meta::ExportedChunk>* MetaServiceImpl::Export(Context* context, const meta::Empty* request) {
  return StartExport(context, *request, kDefaultChunkLines);
}

grpc::ServerWriteReactor<meta::ExportedChunk>* MetaServiceImpl::ExportV1(Context* context,
                                                                         const meta::ExportRequest* request) {
  return StartExport(context, *request, request->chunk_size() == 0 ? kDefaultChunkLines : request->chunk_size());
}

grpc::ServerWriteReactor<meta::ExportedChunk>* MetaServiceImpl::StartExport(Context* context,
                                                                            const google::protobuf::Message& request,
                                                                            std::uint64_t chunk_lines) {
  auto* call = new StreamCall<meta::ExportedChunk>(context, services_.metrics, CallKind::kOther, 0);
  if (auto allowed = Admit(*context, request, TokenRule::kWithLogin); !allowed) {
    return call->Fail(allowed.error()), call;
  }
  services_.node.Run([this, call, chunk_lines](node::Node& node) {
    call->Begin(ChunkProducer(node.Export(), chunk_lines), &exports_);
  });
  return call;
}

grpc::ServerWriteReactor<meta::KeysCount>* MetaServiceImpl::SnapshotKeysLayout(Context* context,
                                                                               const meta::KeysLayoutRequest* request) {
  auto* call = new StreamCall<meta::KeysCount>(context, services_.metrics, CallKind::kOther, request->ByteSizeLong());
  if (auto allowed = Admit(*context, *request, TokenRule::kWithLogin); !allowed) {
    return call->Fail(allowed.error()), call;
  }
  const auto depth = request->has_depth() ? std::optional(request->depth()) : std::nullopt;
  services_.node.Run([call, depth](node::Node& node) {
    if (!node.status().snapshot) return call->Begin([](meta::KeysCount*) { return false; });
    call->Begin([layout = KeysLayout(node.LocalState(), depth)](meta::KeysCount* item) mutable {
      auto next = layout.Next();
      if (next) *item = std::move(*next);
      return next.has_value();
    });
  });
  return call;
}

}  // namespace metasrv::server
