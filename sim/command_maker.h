#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/prng.h"
#include "log.pb.h"
#include "sim/options.h"

namespace metasrv::sim {

// What one read asks for.
struct ReadPlan {
  struct List {
    std::string prefix;
    std::uint64_t limit = 0;  // of records; 0: none
  };
  std::vector<std::string> keys;
  std::vector<List> lists;
  std::uint64_t pause_max_ms = 0;  // between one record and the next; 0: all at once
};

// Makes the clients' requests: every operation, condition and form of expiry that the API has. Every command carries a
// token that is unique in the run, at a place without meaning or in its value, so that its log entry can be found.
class CommandMaker {
 public:
  explicit CommandMaker(const RunOptions& options) : options_(options) {}

  enum class Request : std::uint8_t { kWrite, kRead, kExport };
  [[nodiscard]] Request DrawRequest(Prng& prng) const;
  [[nodiscard]] ReadPlan MakeRead(Prng& prng) const;
  // Requires: token > 0. `now_ms`: what the client's clock shows.
  [[nodiscard]] pb::Command MakeWrite(Prng& prng, std::uint64_t token, std::uint64_t now_ms) const;

  // Turns the write into its next attempt, which differs by its token only. Requires: MakeWrite made it with `from`.
  static void Retoken(pb::Command& command, std::uint64_t from, std::uint64_t to);

  // A client saw this record; conditions are built on what was seen, so that they often hold.
  void Learn(const std::string& key, const std::optional<meta::SeqV>& record);

 private:
  enum class Kind : std::uint8_t { kPut, kDelete, kCas, kTtl, kTxn, kKvTxn, kCounter, kSequential, kDeletePrefix };
  struct Seen {
    std::uint64_t seq = 0;
    std::string data;
  };
  // At most one of them counts: the ttl.
  struct Expiry {
    std::optional<std::uint64_t> at;
    std::optional<std::uint64_t> ttl_ms;
  };
  // What all parts of one write share.
  struct Draft {
    Prng& prng;
    std::uint64_t token;
    std::uint64_t now_ms;
  };

  [[nodiscard]] Kind DrawKind(Prng& prng) const;
  [[nodiscard]] std::string Key(Prng& prng) const;
  [[nodiscard]] std::string AnyKey(Prng& prng) const;
  [[nodiscard]] std::string Counter(Prng& prng) const;
  [[nodiscard]] const Seen& SeenOf(const std::string& key) const;
  [[nodiscard]] static Expiry DrawExpiry(const Draft& draft);
  void FillMatch(Prng& prng, const std::string& key, pb::MatchSeq& match) const;
  void FillUpsert(const Draft& draft, Kind kind, pb::UpsertKv& upsert) const;

  // transaction_maker.cc
  void FillTransaction(const Draft& draft, meta::TxnRequest& txn) const;
  void FillKvTransaction(const Draft& draft, pb::KvTxn& txn) const;
  void FillSpecial(const Draft& draft, Kind kind, meta::TxnRequest& txn) const;
  void FillCondition(Prng& prng, meta::TxnCondition& condition) const;
  void FillExpression(Prng& prng, int depth, meta::BooleanExpression& expression) const;
  void FillPredicate(Prng& prng, int depth, pb::Predicate& predicate) const;
  void FillOperation(const Draft& draft, meta::TxnOp& operation) const;
  void FillPut(const Draft& draft, meta::TxnPutRequest& put) const;
  void FillDelete(Prng& prng, meta::TxnDeleteRequest& request) const;
  void FillCounter(Prng& prng, meta::FetchIncreaseU64& increase) const;
  static void FillSequential(const Draft& draft, meta::PutSequential& put);
  [[nodiscard]] std::string Prefix(Prng& prng) const;

  const RunOptions& options_;
  std::map<std::string, Seen> seen_;
};

// The token of a client's command; 0 for commands of the nodes themselves.
[[nodiscard]] std::uint64_t TokenOf(const pb::Command& command);

}  // namespace metasrv::sim
