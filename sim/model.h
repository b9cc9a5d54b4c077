#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "common/ids.h"
#include "log.pb.h"
#include "meta.pb.h"

namespace metasrv::sim {

// One record's change.
struct ModelChange {
  std::string key;
  std::optional<meta::SeqV> before;
  std::optional<meta::SeqV> after;
};

// What one command answers and changes, in order.
struct ModelStep {
  pb::AppliedState reply;
  std::vector<ModelChange> changes;
};

// The key-value semantics (kv-semantics.md §1-§9) once more, as literally as possible and sharing no code with src/sm:
// the reference every reply and every read of a run is compared with.
class Model {
 public:
  // Holds this from now on. Once, before anything else.
  void StartFrom(const std::map<std::string, meta::SeqV>& records, std::map<std::uint64_t, meta::Node> nodes,
                 std::uint64_t last_seq);
  // Applies one normal entry: sweep, then command.
  // A command with a request id that is still known is answered as the first one and changes nothing more (0020).
  ModelStep Apply(const pb::Command& command);

  [[nodiscard]] const std::map<std::string, meta::SeqV>& records() const { return records_; }
  [[nodiscard]] std::uint64_t last_seq() const { return last_seq_; }
  [[nodiscard]] const std::map<std::uint64_t, meta::Node>& nodes() const { return nodes_; }

 private:
  struct Upserted {
    std::optional<meta::SeqV> prev;
    std::optional<meta::SeqV> result;
  };
  struct Put {
    std::string key;
    std::string value;
    std::optional<std::uint64_t> expire_at;
    std::optional<std::uint64_t> ttl_ms;
    std::optional<std::uint64_t> match_seq;
  };

  // A write that its client named.
  struct Known {
    std::uint64_t written_ms = 0;
    std::uint64_t number = 0;        // how many named writes came before it
    std::uint64_t bytes_before = 0;  // ... and what they counted
    pb::AppliedState reply;
  };

  void Sweep();
  void Run(const pb::Command& command);
  [[nodiscard]] const Known* FindKnown(const std::string& request_id) const;
  void Set(const std::string& key, std::optional<meta::SeqV> record);
  [[nodiscard]] std::optional<meta::SeqV> Find(const std::string& key) const;
  [[nodiscard]] std::uint64_t SeqOf(const std::string& key) const;
  // Gives `data` a new sequence number and stores it, unless it is expired on arrival.
  Upserted Store(const std::string& key, std::string data, std::optional<std::uint64_t> expire_at);
  [[nodiscard]] std::optional<std::uint64_t> Expiry(std::optional<std::uint64_t> at,
                                                    std::optional<std::uint64_t> ttl) const;

  void ApplyUpsert(const pb::UpsertKv& request);
  void ApplyTransaction(const meta::TxnRequest& request);
  void ApplyKvTransaction(const pb::KvTxn& request);
  void ApplyNode(const meta::CmdAddNode& request);
  void ApplyNode(const meta::CmdRemoveNode& request);

  [[nodiscard]] bool Holds(const meta::BooleanExpression& expression) const;
  [[nodiscard]] bool Holds(const pb::Predicate& predicate) const;
  [[nodiscard]] bool Holds(const meta::TxnCondition& condition) const;

  meta::TxnOpResponse Run(const meta::TxnOp& operation);
  meta::TxnPutResponse RunPut(const Put& put);
  meta::TxnDeleteResponse RunDelete(const meta::TxnDeleteRequest& request);
  meta::TxnDeleteByPrefixResponse RunDeleteByPrefix(const std::string& prefix);
  meta::FetchIncreaseU64Response RunFetchIncrease(const meta::FetchIncreaseU64& request);
  meta::TxnPutResponse RunPutSequential(const meta::PutSequential& request);

  std::map<std::string, meta::SeqV> records_;
  std::set<std::tuple<std::uint64_t, std::uint64_t, std::string>> expiring_;  // (ms, seq, key)
  std::map<std::uint64_t, meta::Node> nodes_;
  std::set<std::string> features_;
  std::uint64_t last_seq_ = 0;
  std::uint64_t time_ms_ = 0;
  std::uint64_t log_time_ms_ = 0;  // the largest time of any entry
  std::map<std::string, Known> known_;
  std::uint64_t named_count_ = 0;
  std::uint64_t named_bytes_ = 0;
  ModelStep step_;
};

// Expiry in milliseconds; the largest number for none.
[[nodiscard]] std::uint64_t ModelExpiryMillis(const meta::SeqV& record);

// The record is visible to a read whose clock shows `now_ms`.
[[nodiscard]] bool ModelVisible(const meta::SeqV& record, std::uint64_t now_ms);

// The same sequence number, data, expiry and proposal time.
[[nodiscard]] bool SameRecord(const std::optional<meta::SeqV>& a, const std::optional<meta::SeqV>& b);

// The number a counter's data stands for; anything but a JSON unsigned 64-bit integer counts as 0.
[[nodiscard]] std::uint64_t ModelCounter(std::string_view data);

}  // namespace metasrv::sim
