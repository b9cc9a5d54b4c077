#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/time.h"
#include "meta.pb.h"

namespace metasrv::ctl {

// A client of one node's client API that never blocks its caller. It connects and logs in with the first call and again
// when the server has forgotten it, for example after a restart. Results arrive on other threads.
class AsyncMetaClient {
 public:
  // Called once per call; errors are texts as MetaClient's.
  template <class T>
  using Callback = std::function<void(std::expected<T, std::string>)>;

  // `timeout` bounds the connecting and each call.
  AsyncMetaClient(const std::string& address, Duration timeout);
  // Cancels what runs and waits until the last callback has returned.
  ~AsyncMetaClient();
  AsyncMetaClient(const AsyncMetaClient&) = delete;
  AsyncMetaClient& operator=(const AsyncMetaClient&) = delete;

  void Get(const std::string& key, Callback<std::optional<meta::SeqV>> done);
  void Transact(meta::TxnRequest request, Callback<meta::TxnReply> done);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace metasrv::ctl
