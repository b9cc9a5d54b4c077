#include <semaphore>
#include <thread>

#include "io/real/os_clock.h"
#include "io/real/thread_loop.h"
#include "tests/io/loop_world.h"

namespace metasrv::test {
namespace {

// Runs the loop on a thread of its own, and holds that thread inside a task whenever the test looks at what happened.
class ThreadLoopWorld final : public LoopWorld {
 public:
  ~ThreadLoopWorld() override {
    if (!thread_.joinable()) return;
    loop_.Stop();
    go_on_.release();
    thread_.join();
  }

  io::EventLoop& loop() override { return loop_; }
  const io::Clock& clock() override { return clock_; }
  void RunUntil(const std::function<bool()>& done) override {
    bool is_done = false;
    while (!is_done) {
      loop_.Post([&] {
        is_done = done();
        held_.release();
        go_on_.acquire();
      });
      if (thread_.joinable()) {
        go_on_.release();
      } else {
        thread_ = std::thread([this] { loop_.Run(); });
      }
      held_.acquire();
    }
  }

 private:
  io::OsClock clock_;
  io::ThreadLoop loop_{clock_};
  std::binary_semaphore held_{0};
  std::binary_semaphore go_on_{0};
  std::thread thread_;
};

}  // namespace

std::unique_ptr<LoopWorld> MakeThreadLoopWorld() { return std::make_unique<ThreadLoopWorld>(); }

}  // namespace metasrv::test
