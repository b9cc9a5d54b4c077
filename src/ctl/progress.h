#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

namespace metasrv::ctl {

// "12,000 lines, 4,000 lines/s, 40 % done, 5 s left". `done`: the part of the work that is done, 0 to 1, when known.
[[nodiscard]] std::string ProgressText(std::uint64_t lines, double seconds, std::optional<double> done);

// Tells a person at a terminal twice a second how far a long piece of work is, in one line that is wiped at the end;
// says nothing to a file.
class Progress {
 public:
  // `terminal`: null when nobody watches; must outlive the object.
  explicit Progress(std::ostream* terminal) : terminal_(terminal), begin_(Clock::now()), next_(begin_ + kPeriod) {}
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // One more line is done. `done` is only asked when it is shown.
  void Advance(const auto& done) {
    ++lines_;
    if (terminal_ != nullptr && lines_ % kLinesBetweenLooks == 0 && Clock::now() >= next_) Show(done());
  }
  [[nodiscard]] std::uint64_t lines() const { return lines_; }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kPeriod{500};
  static constexpr std::uint64_t kLinesBetweenLooks = 256;

  void Show(std::optional<double> done);

  std::ostream* terminal_;
  Clock::time_point begin_;
  Clock::time_point next_;
  std::uint64_t lines_ = 0;
  bool shown_ = false;
};

}  // namespace metasrv::ctl
