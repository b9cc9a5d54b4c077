#include "consensus/print.h"

namespace metasrv {
namespace {

std::string Text(std::uint64_t value) { return std::to_string(value); }
std::string Text(Term term) { return Text(term.value()); }
std::string Text(LogIndex index) { return Text(index.value()); }

struct Printer {
  std::string operator()(const VoteRequest& m) const {
    return (m.pre_vote ? "PreVote term=" : "Vote term=") + Text(m.term) + " last=" + Print(m.last) +
           (m.transfer ? " transfer" : "");
  }
  std::string operator()(const VoteResponse& m) const {
    return std::string(m.pre_vote ? "PreVoteResponse" : "VoteResponse") + " term=" + Text(m.term) +
           (m.granted ? " granted" : " denied");
  }
  std::string operator()(const AppendRequest& m) const {
    std::string text = "Append term=" + Text(m.term) + " prev=" + Print(m.prev) + " commit=" + Text(m.commit_end) +
                       " round=" + Text(m.round) + " [";
    for (std::size_t i = 0; i < m.entries.size(); ++i) text += (i > 0 ? " " : "") + Print(m.entries[i]);
    return text + "]";
  }
  std::string operator()(const AppendResponse& m) const {
    std::string text = "AppendResponse term=" + Text(m.term) + (m.success ? " end=" : " refused hint=") + Text(m.end);
    if (m.hint_term) text += " hint_term=" + Text(*m.hint_term);
    if (m.disk != DiskLevel::kOk) text += m.disk == DiskLevel::kSlow ? " disk=slow" : " disk=stalled";
    return text + " round=" + Text(m.round) + (m.no_space ? " no-space" : "");
  }
  std::string operator()(const TimeoutNow& m) const { return "TimeoutNow term=" + Text(m.term); }
  std::string operator()(const ReadIndexRequest& m) const {
    return "ReadIndex term=" + Text(m.term) + " id=" + Text(m.id.value());
  }
  std::string operator()(const ReadIndexResponse& m) const {
    return "ReadIndexResponse term=" + Text(m.term) + " id=" + Text(m.id.value()) +
           (m.end ? " end=" + Text(*m.end) : std::string(" none"));
  }
};

}  // namespace

std::string Print(const std::optional<LogId>& id) {
  return id ? Text(id->term) + "/" + Text(id->index) : std::string("-");
}

std::string Print(const Entry& entry) {
  std::string text = Print(std::optional(entry.id));
  switch (entry.kind) {
    case EntryKind::kBlank: return text + ":blank";
    case EntryKind::kNormal: return text + ":" + *entry.payload;
    case EntryKind::kMembership: return text + ":" + ToString(*entry.membership);
  }
  return text;
}

std::string Print(const Message& message) { return std::visit(Printer{}, message); }

}  // namespace metasrv
