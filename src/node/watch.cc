#include "node/watch.h"

namespace metasrv::node {

WatchSpec ToWatchSpec(const meta::WatchRequest& request) {
  WatchSpec spec;
  spec.range.begin = request.key();
  spec.range.end = request.has_key_end() ? request.key_end() : request.key() + '\0';
  spec.filter = request.filter_type();
  return spec;
}

bool Passes(meta::WatchRequest::FilterType filter, bool leaves_record) {
  if (filter == meta::WatchRequest::UPDATE) return leaves_record;
  if (filter == meta::WatchRequest::DELETE) return !leaves_record;
  return true;
}

WatchMessage::WatchMessage(const meta::WatchResponse& response, std::shared_ptr<WatchLedger> ledger)
    : bytes_(response.SerializeAsString()), ledger_(std::move(ledger)) {
  if (ledger_) ledger_->fetch_add(cost(), std::memory_order_relaxed);
}

WatchMessage::~WatchMessage() {
  if (ledger_) ledger_->fetch_sub(cost(), std::memory_order_relaxed);
}

}  // namespace metasrv::node
