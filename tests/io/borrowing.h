#pragma once

#include <atomic>
#include <functional>
#include <thread>
#include <utility>

#include "io/real/thread_loop.h"

namespace metasrv::test {

// Runs `task` on the borrowed loop: dispatches until that runs it before it returns, which it does once the loop
// sleeps.
inline void DispatchUntilBorrowed(io::ThreadLoop& loop, const std::function<void()>& task) {
  for (std::atomic<bool> borrowed = false; !borrowed;) {
    std::atomic<bool> ran = false;
    loop.Dispatch([&, self = std::this_thread::get_id()] {
      borrowed = std::this_thread::get_id() == self;
      if (borrowed) task();
      ran = true;
    });
    while (!ran) std::this_thread::yield();
  }
}

}  // namespace metasrv::test
