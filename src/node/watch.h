#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/ids.h"
#include "common/strong.h"
#include "meta.pb.h"
#include "sm/store.h"

namespace metasrv::node {

// Names a watch of one node in one of its lives.
using WatchId = Strong<struct WatchIdTag>;

// The keys begin <= key < end, compared as bytes.
struct KeyRange {
  std::string begin;
  std::string end;

  [[nodiscard]] bool empty() const { return begin >= end; }
  [[nodiscard]] bool Contains(std::string_view key) const { return begin <= key && key < end; }
  friend bool operator==(const KeyRange&, const KeyRange&) = default;
};

// What is watched (grpc-api.md §7.1, §7.2).
struct WatchSpec {
  KeyRange range;
  meta::WatchRequest::FilterType filter = meta::WatchRequest::ALL;
};

// The range of a request may be empty, which is an error.
[[nodiscard]] WatchSpec ToWatchSpec(const meta::WatchRequest& request);

// The filter lets changes through that leave a record, or that leave none. Unknown filters pass everything.
[[nodiscard]] bool Passes(meta::WatchRequest::FilterType filter, bool leaves_record);

// How many bytes of messages of one node are waiting for somebody.
using WatchLedger = std::atomic<std::size_t>;

// One message of a watch, encoded once for everybody who gets it. Immutable; may be released on any thread.
class WatchMessage {
 public:
  // `ledger` may be null.
  WatchMessage(const meta::WatchResponse& response, std::shared_ptr<WatchLedger> ledger);
  ~WatchMessage();
  WatchMessage(const WatchMessage&) = delete;
  WatchMessage& operator=(const WatchMessage&) = delete;

  // A serialized meta.WatchResponse.
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  // What it counts for in a watcher's buffer.
  [[nodiscard]] std::size_t cost() const { return bytes_.size() + kOverhead; }

 private:
  static constexpr std::size_t kOverhead = 64;

  std::string bytes_;
  std::shared_ptr<WatchLedger> ledger_;
};

using SharedWatchMessage = std::shared_ptr<const WatchMessage>;

// Why a watch ended. Nothing was left out before the end; what comes after it is not told.
enum class WatchEnd : std::uint8_t {
  kCancelled,      // by the watcher
  kTooSlow,        // more bytes were waiting for it than its buffer holds
  kNoMemory,       // more bytes were waiting for all watchers than the node holds, and most of them for this one
  kStateReplaced,  // a snapshot was installed: what it changed is not known one by one
  kStateWrong,     // the node's state is known to be wrong
  kStopped,        // the node is stopping
};

// Who watches. Called on the node's loop; must be quick and must not call the node.
class Watcher {
 public:
  virtual ~Watcher() = default;
  // One change, after it became readable. False: the watcher has too much waiting already and is to be ended.
  [[nodiscard]] virtual bool Push(const SharedWatchMessage& message) = 0;
  // The last call.
  virtual void End(WatchEnd reason) = 0;
  // What waits for it, in bytes.
  [[nodiscard]] virtual std::size_t backlog() const = 0;
};

// A watch that has begun: `state` is the node's state at that moment, and the watcher gets exactly the changes of the
// entries from `applied_end` on.
struct WatchStart {
  WatchId id;
  std::shared_ptr<const sm::Snapshot> state;
  LogIndex applied_end;
  std::size_t buffer_bytes = 0;  // what a watcher may let wait
};

enum class WatchRefusal : std::uint8_t {
  kTooMany,     // the node's limit
  kOff,         // switched off by the operator
  kStateWrong,  // the node's state is known to be wrong
  kStopped,     // the node is stopping
};

}  // namespace metasrv::node
