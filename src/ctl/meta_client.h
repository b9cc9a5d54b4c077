#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/time.h"
#include "meta.pb.h"

namespace metasrv::ctl {

// An unconditional write as the tools send it (export-format.md §6.1), and the part of its answer that tells the record
// before and after. Errors: the answer has another shape.
[[nodiscard]] meta::TxnRequest UpsertRequest(const std::string& key, const std::string& value);
[[nodiscard]] std::expected<meta::TxnPutResponse, std::string> UpsertReply(const meta::TxnReply& reply);

// A blocking client of one node's client API (grpc-api.md §3), logged in as the environment says (access.h). Errors are
// texts for the operator.
class MetaClient {
 public:
  template <class T>
  using Result = std::expected<T, std::string>;

  // Connects and shakes hands. `timeout` bounds the connecting and every later unary call; none: no bound (metactl.md
  // §1.3).
  [[nodiscard]] static Result<std::unique_ptr<MetaClient>> Connect(const std::string& address,
                                                                   std::optional<Duration> timeout);
  ~MetaClient();
  MetaClient(const MetaClient&) = delete;
  MetaClient& operator=(const MetaClient&) = delete;

  [[nodiscard]] Result<meta::ClusterStatus> Status();
  [[nodiscard]] Result<std::optional<meta::SeqV>> Get(const std::string& key);
  // Writes unconditionally; the reply tells the record before and after.
  [[nodiscard]] Result<meta::TxnPutResponse> Upsert(const std::string& key, const std::string& value);
  [[nodiscard]] Result<std::vector<std::string>> MemberList();

  // Each of these calls `on_item` for everything the stream brings until it ends or `on_item` returns an error, which
  // becomes the result.
  using Done = Result<void>;
  [[nodiscard]] Done List(const std::string& prefix, const std::function<Done(const meta::StreamItem&)>& on_item);
  [[nodiscard]] Done Export(std::optional<std::uint64_t> chunk_size,
                            const std::function<Done(const std::string& line)>& on_item);
  [[nodiscard]] Done Watch(const meta::WatchRequest& request,
                           const std::function<Done(const meta::WatchResponse&)>& on_item);
  [[nodiscard]] Done KeysLayout(std::optional<std::uint32_t> depth,
                                const std::function<Done(const meta::KeysCount&)>& on_item);

 private:
  class Impl;
  explicit MetaClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace metasrv::ctl
