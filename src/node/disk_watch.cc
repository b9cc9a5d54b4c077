#include "node/disk_watch.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "node/describe.h"

namespace metasrv::node {
namespace {

// Weight of a new sample in the average: 1 / kWeight.
constexpr std::int64_t kWeight = 8;

}  // namespace

DiskWatch::DiskWatch(Context& context, Listener listener)
    : context_(context), listener_(std::move(listener)), timer_(context.env.loop) {}

void DiskWatch::OnIssued() {
  const Instant now = context_.Now();
  if (outstanding_.empty()) waited_ = Duration();
  outstanding_.push_back(now);
  if (timer_runs_) return;
  timer_runs_ = true;
  looked_at_ = now;
  timer_.Set(now + Pause(), [this] { Look(); });
}

void DiskWatch::OnDone() {
  CHECK(!outstanding_.empty());
  AddSample(context_.Now() - outstanding_.front());
  outstanding_.pop_front();
  waited_ = Duration();
  Refresh();
}

// One write that hung for long must not count for more than a few that were slow.
void DiskWatch::AddSample(Duration latency) {
  average_ = average_ + (std::min(latency, SlowAfter() * 2) - average_) / kWeight;
}

void DiskWatch::Look() {
  const Instant now = context_.Now();
  if (outstanding_.empty()) {
    AddSample(Duration());
  } else {
    const Duration step = now - std::max(looked_at_, outstanding_.front());
    waited_ = waited_ + std::min(step, Pause() * 2);
  }
  looked_at_ = now;
  timer_runs_ = !outstanding_.empty() || level_ != DiskLevel::kOk;
  if (timer_runs_) timer_.Set(now + Pause(), [this] { Look(); });
  const Duration limit = context_.options.disk_exit_after;
  if (limit > Duration() && waited_ >= limit) {
    context_.Emit({TraceKind::kDiskGivenUp, static_cast<std::uint64_t>(waited_.millis()), 0, {}});
    listener_.on_hopeless("the disk of the log has not completed a write for " + DescribeDuration(waited_) +
                          "; the node ends, so that it can be started again once the disk works");
    return;
  }
  Refresh();
  if (level_ != DiskLevel::kOk) listener_.on_slow();
}

DiskLevel DiskWatch::Judge() const {
  if (waited_ >= context_.options.disk_step_down_after) return DiskLevel::kStalled;
  const Duration good = level_ == DiskLevel::kOk ? SlowAfter() : SlowAfter() / 2;
  return waited_ >= SlowAfter() || average_ >= good ? DiskLevel::kSlow : DiskLevel::kOk;
}

void DiskWatch::Refresh() {
  const DiskLevel level = Judge();
  if (std::exchange(level_, level) != level) listener_.on_level(level);
}

void DiskWatch::Stop() {
  timer_.Cancel();
  outstanding_.clear();
}

}  // namespace metasrv::node
