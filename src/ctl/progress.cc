#include "ctl/progress.h"

namespace metasrv::ctl {
namespace {

constexpr const char* kWipeLine = "\r\x1b[K";

// "1234567" as "1,234,567".
std::string Grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

}  // namespace

std::string ProgressText(std::uint64_t lines, double seconds, std::optional<double> done) {
  const double rate = seconds > 0 ? static_cast<double>(lines) / seconds : 0;
  std::string text = Grouped(lines) + " lines, " + Grouped(static_cast<std::uint64_t>(rate)) + " lines/s";
  if (!done || *done <= 0 || *done > 1) return text;
  const double left = seconds * (1 - *done) / *done;
  return text + ", " + std::to_string(static_cast<int>(*done * 100)) + " % done, " +
         Grouped(static_cast<std::uint64_t>(left + 0.5)) + " s left";
}

void Progress::Show(std::optional<double> done) {
  const Clock::time_point now = Clock::now();
  next_ = now + kPeriod;
  shown_ = true;
  const double seconds = std::chrono::duration<double>(now - begin_).count();
  *terminal_ << kWipeLine << "    " << ProgressText(lines_, seconds, done) << std::flush;
}

Progress::~Progress() {
  if (shown_) *terminal_ << kWipeLine << std::flush;
}

}  // namespace metasrv::ctl
