#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/import.h"
#include "backup/pairing.h"

namespace metasrv::backup {

// Something in a backup that an import would store as it is, but that no healthy node writes.
struct Finding {
  std::uint64_t line = 0;  // 1-based; 0 when it is about several lines
  std::string text;
};

// What a backup holds, as far as one pass over its lines tells.
struct VerifyReport {
  ImportReport import;
  std::optional<NodeId> node_id;
  std::optional<Vote> vote;
  std::optional<LogId> committed;
  std::optional<LogId> purged;
  std::optional<LogId> first_entry;
  std::optional<LogId> last_entry;
  std::uint64_t entries = 0;  // that were not purged
  std::uint64_t last_seq = 0;
  Membership membership;  // the state's
  std::optional<LogId> membership_id;
  std::map<NodeId, meta::Node> nodes;
  std::uint64_t expiries = 0;
  std::uint64_t records = 0;
  std::vector<Finding> findings;  // the first kFindingsMax
  std::uint64_t findings_total = 0;
};

inline constexpr std::size_t kFindingsMax = 20;

// Checks a backup without importing it, in bounded memory: everything that an import checks, and what lines say about
// each other: sequence numbers, expiry index, order, membership, and how log and state fit together.
class Verifier {
 public:
  Verifier() : importer_(sink_, &look_) {}
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  // Takes the next line, without "\n". Errors: those of Importer::Add; the backup can not be imported.
  [[nodiscard]] std::expected<void, ImportError> Add(std::string_view line) { return importer_.Add(line); }

  // Called once, last. `ends_within_a_line`: the last line lacks its "\n".
  [[nodiscard]] std::expected<VerifyReport, ImportError> Finish(bool ends_within_a_line);

 private:
  // Takes an import's place and keeps nothing.
  class NoSink final : public ImportSink {
   public:
    std::expected<void, std::string> WriteLog(io::LogBatch) override { return {}; }
    std::expected<void, std::string> WriteState(std::vector<sm::Row>) override { return {}; }
    // Records out of order are a finding of their own.
    bool HasRow(std::string_view) const override { return false; }
  };

  // What is remembered of the lines.
  class Look final : public LineObserver {
   public:
    void See(std::uint64_t number, const Line& line) override;
    [[nodiscard]] VerifyReport Take(ImportReport import);

   private:
    void See(std::uint64_t number, const ExpireLine& line);
    void See(std::uint64_t number, const KvLine& line);
    void See(const EntryLine& line);
    void SeePurged(const LogId& id);

    void CheckSequences();
    void CheckExpiries();
    void CheckMembership();
    void CheckLog();
    void CheckInLog(const char* what, const LogId& id);
    void Find(std::uint64_t line, std::string text);
    // The id of the entry at this index, when the log has or had it.
    [[nodiscard]] std::optional<LogId> EntryAt(LogIndex index) const;

    VerifyReport report_;
    std::map<LogIndex, LogId> terms_;  // the first entry of each leader, by its index
    Pairing pairing_;
    std::optional<Expiry> last_expiry_;
    std::optional<std::string> last_key_;
    std::uint64_t greatest_seq_ = 0;
    std::uint64_t greatest_seq_line_ = 0;
  };

  NoSink sink_;
  Look look_;
  Importer importer_;
};

}  // namespace metasrv::backup
