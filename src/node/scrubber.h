#pragma once

#include <functional>
#include <memory>
#include <string>

#include "node/context.h"
#include "sm/state_hash.h"
#include "sm/store.h"

namespace metasrv::node {

// Reads the whole state again and again, slowly, and compares the rows with the state hash that is stored with them:
// what the disk or memory changed behind the state machine's back shows here, before a client or a snapshot gets it.
class Scrubber {
 public:
  using OnWrong = std::function<void(const std::string& reason)>;

  Scrubber(Context& context, OnWrong on_wrong);

  // One pass every state_scrub_interval; 0: none but those that are asked for.
  void Start();
  // A pass that begins now, unless one is under way.
  void RunNow();
  // Drops the pass that is under way: the state was replaced, or is known to be wrong.
  void Forget();
  void Stop();

 private:
  void RunLater();
  void Step();
  void Finish();

  Context& context_;
  OnWrong on_wrong_;
  Timer timer_;
  std::shared_ptr<const sm::Snapshot> state_;  // of the pass that is under way
  std::unique_ptr<sm::Iterator> rows_;
  sm::RowsHash hash_;
};

}  // namespace metasrv::node
