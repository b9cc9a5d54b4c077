#include "sim/oracle.h"

#include <algorithm>

#include "common/check.h"

namespace metasrv::sim {
namespace {

std::string OpName(Oracle::Token token) { return "operation " + std::to_string(token); }

std::string Text(const std::optional<meta::SeqV>& record) { return record ? record->ShortDebugString() : "nothing"; }

std::optional<meta::SeqV> IfVisible(std::optional<meta::SeqV> record, WallMillis now) {
  if (record && !ModelVisible(*record, now.value())) return std::nullopt;
  return record;
}

}  // namespace

void Oracle::StartAfter(std::uint64_t count) {
  CHECK(operations_.empty());
  Operation forgotten;
  forgotten.write = true;
  forgotten.state = State::kUnknown;
  operations_.assign(count, forgotten);
}

Oracle::Token Oracle::Begin(bool write, LogIndex committed_end) {
  Operation operation;
  operation.write = write;
  operation.floor = finished_end_;
  operation.committed_end = committed_end;
  operations_.push_back(operation);
  return operations_.size();
}

void Oracle::Name(Token attempt, Token first) { At(attempt).first = first; }

void Oracle::OnEntry(Token token, LogIndex index) {
  CHECK(token >= 1 && token <= operations_.size());
  Operation& operation = At(token);
  if (operation.entry) {
    verdict_.Broken(kAppliedOnce, OpName(token) + " is at index " + std::to_string(operation.entry->value()) +
                                      " and again at " + std::to_string(index.value()));
    return;
  }
  operation.entry = index;
  if (operation.state == State::kFailed) {
    verdict_.Broken(kFailedIsAbsent, OpName(token) + " was refused and is at index " + std::to_string(index.value()));
  }
  if (index < operation.floor) {
    verdict_.Broken(kRealTimeOrder, OpName(token) + " is at index " + std::to_string(index.value()) +
                                        " although it began when " + std::to_string(operation.floor.value()) +
                                        " entries were seen to be finished");
  }
  if (operation.first != 0) OnNamedEntry(token, index);
}

void Oracle::OnNamedEntry(Token token, LogIndex index) {
  std::optional<LogIndex>& effect = At(At(token).first).effect;
  if (!effect) {
    effect = index;
    return;
  }
  ++repeats_applied_;
  const History::Step& first = history_.At(*effect);
  const History::Step& step = history_.At(index);
  const std::string what = OpName(token) + " repeats at index " + std::to_string(index.value()) + " what is at " +
                           std::to_string(effect->value());
  if (step.writes > 0) verdict_.Broken(kNamedOnce, what + ", and takes effect again");
  if (step.reply.SerializeAsString() == first.reply.SerializeAsString()) return;
  verdict_.Broken(kNamedOnce, what + ", and answers " + step.reply.ShortDebugString() + " instead of " +
                                  first.reply.ShortDebugString());
}

bool Oracle::Finish(Token token, State state) {
  Operation& operation = At(token);
  if (operation.state != State::kPending) {
    verdict_.Broken(kAnsweredOnce, OpName(token) + " is answered a second time");
    return false;
  }
  operation.state = state;
  return true;
}

void Oracle::OnWriteDone(Token token, const node::WriteResult& result, bool trusted) {
  switch (result.status) {
    case node::WriteStatus::kApplied:
      if (Finish(token, State::kAcked)) OnAcked(token, result, trusted);
      return;
    case node::WriteStatus::kUnknown: Finish(token, State::kUnknown); return;
    case node::WriteStatus::kNoLeader:
    case node::WriteStatus::kUnreachable:
    case node::WriteStatus::kBusy:
    case node::WriteStatus::kNoSpace:
    case node::WriteStatus::kRefused:
    case node::WriteStatus::kStopped: break;
  }
  if (!Finish(token, State::kFailed) || !At(token).entry) return;
  verdict_.Broken(kFailedIsAbsent, OpName(token) + " is refused (" + result.detail + ") and is at index " +
                                       std::to_string(At(token).entry->value()));
}

void Oracle::OnAcked(Token token, const node::WriteResult& result, bool trusted) {
  const Operation& operation = At(token);
  if (!operation.entry) {
    verdict_.Broken(kAckedIsApplied, OpName(token) + " is acknowledged but is not in the history");
    return;
  }
  const History::Step& step = history_.At(*operation.entry);
  if (result.entry && *result.entry != step.id) {
    verdict_.Broken(kAckedIsApplied,
                    OpName(token) + " is said to be " + ToString(*result.entry) + " but is " + ToString(step.id));
  }
  if (trusted && result.reply.SerializeAsString() != step.reply.SerializeAsString()) {
    verdict_.Broken(kReplyIsHistory, OpName(token) + " is answered " + result.reply.ShortDebugString() +
                                         "; its entry answers " + step.reply.ShortDebugString());
  }
  finished_end_ = std::max(finished_end_, operation.entry->Next());
}

void Oracle::OnReadDone(Token token, const ReadSeen& seen) {
  if (!Finish(token, State::kRead)) return;
  const Operation& operation = At(token);
  const std::string what = OpName(token) + " is served after " + std::to_string(seen.applied_end.value()) + " entries";
  if (seen.applied_end < operation.floor) {
    verdict_.Broken(kRealTimeOrder,
                    what + "; " + std::to_string(operation.floor.value()) + " were seen to be finished when it began");
  } else if (seen.applied_end < operation.committed_end) {
    verdict_.Broken(kReadFresh,
                    what + "; " + std::to_string(operation.committed_end.value()) + " were committed when it began");
  } else if (seen.applied_end > history_.end()) {
    verdict_.Broken(kReadValue, what + ", which nobody has applied");
  } else if (seen.last_applied ? seen.last_applied->index.Next() != seen.applied_end
                               : seen.applied_end != LogIndex(0)) {
    verdict_.Broken(kReadValue, what + " from a view of another index");
  } else {
    CheckGets(token, seen);
    for (const ReadSeen::List& list : seen.lists) CheckList(token, seen, list);
    finished_end_ = std::max(finished_end_, seen.applied_end);
  }
}

void Oracle::CheckGets(Token token, const ReadSeen& seen) {
  for (const auto& [key, record] : seen.gets) {
    const auto expected = IfVisible(history_.RecordAt(key, seen.applied_end), seen.now);
    if (SameRecord(record, expected)) continue;
    verdict_.Broken(kReadValue, OpName(token) + " reads " + key + " = " + Text(record) + " after " +
                                    std::to_string(seen.applied_end.value()) + " entries; the history has " +
                                    Text(expected));
  }
}

void Oracle::CheckList(Token token, const ReadSeen& seen, const ReadSeen::List& list) {
  auto expected = history_.ListAt(list.prefix, seen.applied_end);
  std::erase_if(expected, [&](const auto& item) { return !ModelVisible(item.second, seen.now.value()); });
  if (list.limit > 0 && expected.size() > list.limit) expected.resize(list.limit);
  const bool same =
      std::equal(expected.begin(), expected.end(), list.items.begin(), list.items.end(),
                 [](const auto& a, const auto& b) { return a.first == b.first && SameRecord(a.second, b.second); });
  if (same) return;
  verdict_.Broken(kReadValue, OpName(token) + " lists " + std::to_string(list.items.size()) + " records under \"" +
                                  list.prefix + "\" after " + std::to_string(seen.applied_end.value()) +
                                  " entries; the history has " + std::to_string(expected.size()) + ", or others");
}

void Oracle::OnReadFailed(Token token) { Finish(token, State::kReadFailed); }

void Oracle::OnAbandoned(Token token) {
  if (At(token).state == State::kPending) At(token).state = State::kUnknown;
}

void Oracle::OnOverdue(Token token) {
  verdict_.NotLive(kAnsweredOnce, OpName(token) + " was never answered though its node lived on");
}

Oracle::Counts Oracle::counts() const {
  Counts counts;
  counts.repeats_applied = repeats_applied_;
  for (const Operation& operation : operations_) {
    const bool unknown = operation.write && (operation.state == State::kUnknown || operation.state == State::kPending);
    counts.acked += operation.state == State::kAcked ? 1 : 0;
    counts.failed += operation.state == State::kFailed ? 1 : 0;
    counts.unknown += unknown ? 1 : 0;
    counts.unknown_applied += unknown && operation.entry ? 1 : 0;
    counts.reads += operation.state == State::kRead ? 1 : 0;
    counts.reads_failed += operation.state == State::kReadFailed ? 1 : 0;
  }
  return counts;
}

}  // namespace metasrv::sim
