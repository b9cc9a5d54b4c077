#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/prng.h"
#include "log.pb.h"
#include "sim/options.h"

namespace metasrv::sim {

// What one read asks for.
struct ReadPlan {
  std::vector<std::string> keys;
  std::vector<std::string> prefixes;
};

// Makes the clients' requests. Every command carries a token that is unique in the run, at a place without meaning or
// in its value, so that its log entry can be found.
class CommandMaker {
 public:
  explicit CommandMaker(const RunOptions& options) : options_(options) {}

  // Whether the next request is a read.
  [[nodiscard]] bool DrawRead(Prng& prng) const;
  [[nodiscard]] ReadPlan MakeRead(Prng& prng) const;
  // Requires: token > 0.
  [[nodiscard]] pb::Command MakeWrite(Prng& prng, std::uint64_t token) const;

  // Turns the write into its next attempt, which differs by its token only. Requires: MakeWrite made it with `from`.
  static void Retoken(pb::Command& command, std::uint64_t from, std::uint64_t to);

  // A client saw this record; conditions are built on what was seen, so that they often hold.
  void Learn(const std::string& key, std::uint64_t seq) { seen_seq_[key] = seq; }

 private:
  enum class Kind : std::uint8_t { kPut, kDelete, kCas, kTtl, kTxn, kKvTxn, kCounter, kSequential, kDeletePrefix };

  [[nodiscard]] Kind DrawKind(Prng& prng) const;
  [[nodiscard]] std::string Key(Prng& prng) const;
  [[nodiscard]] std::uint64_t SeenSeq(const std::string& key) const;
  void FillUpsert(Prng& prng, std::uint64_t token, Kind kind, pb::UpsertKv& upsert) const;
  void FillTransaction(Prng& prng, std::uint64_t token, meta::TxnRequest& txn) const;
  void FillKvTransaction(Prng& prng, std::uint64_t token, pb::KvTxn& txn) const;
  void FillSpecial(Prng& prng, std::uint64_t token, Kind kind, meta::TxnRequest& txn) const;
  void FillCondition(Prng& prng, meta::TxnCondition& condition) const;
  void FillOperation(Prng& prng, std::uint64_t token, meta::TxnOp& operation) const;

  const RunOptions& options_;
  std::map<std::string, std::uint64_t> seen_seq_;
};

// The token of a client's command; 0 for commands of the nodes themselves.
[[nodiscard]] std::uint64_t TokenOf(const pb::Command& command);

}  // namespace metasrv::sim
