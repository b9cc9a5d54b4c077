#pragma once

#include <optional>

#include "common/time.h"

namespace metasrv::io {

// What one thread sleeps on: until a time, which others may move without waking it, or until somebody wakes it.
class Sleeper {
 public:
  Sleeper();
  ~Sleeper();
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;

  // Returns once Wake() was called or the time has come since the last return, or for no reason. True: the time had
  // come, and there is none any more.
  bool Sleep();

  // On any thread: from now on Sleep() ends after `left`, at the latest; none: not by itself.
  void SetTimeout(std::optional<Duration> left);
  void Wake();

 private:
  int timer_;
  int event_;
};

}  // namespace metasrv::io
