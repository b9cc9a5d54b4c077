#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "consensus/types.h"

namespace metasrv {

// Asks for a vote, or, when `pre_vote`, whether one would be granted; a pre-vote changes no state (thesis §9.6).
// `term` is the term the candidate campaigns for: in a pre-vote one more than its own.
struct VoteRequest {
  Term term;
  bool pre_vote = false;
  std::optional<LogId> last;  // last entry of the candidate's log
  // The leader itself told the candidate to campaign: voters that hear from that leader do not refuse for it (§4.2.3).
  bool transfer = false;
  // The disk of the receiver that the candidate's configuration records; 0: none.
  Incarnation recorded{};
  // Every quorum contains the candidate, so that a vote of an empty disk can not elect a stale node (decision 0013).
  bool indispensable = false;

  friend bool operator==(const VoteRequest&, const VoteRequest&) = default;
};

// `term` is the responder's term, or for a granted pre-vote the term that was asked for.
struct VoteResponse {
  Term term;
  bool pre_vote = false;
  bool granted = false;

  friend bool operator==(const VoteResponse&, const VoteResponse&) = default;
};

// Replicates `entries`, which follow `prev`; with no entries a heartbeat. `round` numbers the leader's confirmation
// rounds of one term: a response that echoes r proves leadership at the time round r was sent (thesis §6.4).
struct AppendRequest {
  Term term;
  std::optional<LogId> prev;  // none: the entries start the log
  std::vector<Entry> entries;
  LogIndex commit_end;  // number of entries the leader knows to be committed
  std::uint64_t round = 0;
  Incarnation recorded{};  // the disk of the receiver that the leader's configuration records; 0: none

  friend bool operator==(const AppendRequest&, const AppendRequest&) = default;
};

// On success `end` is the number of leading entries that are proven equal to the leader's: prev + entries of the
// request. On refusal it is a hint: the log can match the leader's at most up to `end`, whose last entry has
// `hint_term`.
struct AppendResponse {
  Term term;
  bool success = false;
  LogIndex end;
  std::optional<Term> hint_term;  // refusal only: term of entry end - 1, none when end is the start of the log
  std::optional<LogId> refused;   // refusal only: the `prev` that did not match
  std::uint64_t round = 0;
  DiskLevel disk = DiskLevel::kOk;  // the follower's
  bool no_space = false;            // the entries behind `end` were not taken: the disk is full

  friend bool operator==(const AppendResponse&, const AppendResponse&) = default;
};

// A follower asks the leader for a read index on behalf of its own reads; `id` is echoed.
struct ReadIndexRequest {
  Term term;
  RequestId id;

  friend bool operator==(const ReadIndexRequest&, const ReadIndexRequest&) = default;
};

// `end`: the read may be served once that many entries are applied; none: the responder does not lead.
struct ReadIndexResponse {
  Term term;
  RequestId id;
  std::optional<LogIndex> end;

  friend bool operator==(const ReadIndexResponse&, const ReadIndexResponse&) = default;
};

// The leader of `term` hands over: the receiver, whose log is as long as the leader's, campaigns at once (thesis
// §3.10).
struct TimeoutNow {
  Term term;

  friend bool operator==(const TimeoutNow&, const TimeoutNow&) = default;
};

using Message = std::variant<VoteRequest, VoteResponse, AppendRequest, AppendResponse, ReadIndexRequest,
                             ReadIndexResponse, TimeoutNow>;

[[nodiscard]] inline Term TermOf(const Message& message) {
  return std::visit([](const auto& m) { return m.term; }, message);
}

}  // namespace metasrv
