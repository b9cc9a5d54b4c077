#include "backup/exporter.h"

#include <string_view>
#include <utility>

#include "backup/encode.h"
#include "backup/version.h"
#include "sm/layout.h"
#include "sm/read.h"
#include "sm/row_codec.h"

namespace metasrv::backup {
namespace {

Record RecordOfRow(char table, std::string_view key, std::string_view value) {
  switch (table) {
    case sm::kNodeTable: return NodeLine{sm::IdOfNodeRow(key), sm::ParseRow<meta::Node>(value)};
    case sm::kExpireTable: {
      auto [time_ms, seq] = sm::TimeAndSeqOfExpireRow(key);
      return ExpireLine{time_ms, seq, sm::ParseRow<pb::ExpireValue>(value)};
    }
    default: return KvLine{std::string(sm::KeyOfRecordRow(key)), sm::ParseRow<meta::SeqV>(value)};
  }
}

}  // namespace

Exporter::Exporter(Source source) : source_(std::move(source)), entry_(NextEntry()), has_entries_(entry_.has_value()) {}

std::optional<Record> Exporter::LogScalar(std::size_t position) const {
  switch (position) {
    case 0: return HeaderLine{"header", std::string(kDataVersion)};
    case 1: return NodeIdLine{source_.node_id};
    case 2: {
      VoteLine line;
      if (source_.hard_state.has_value()) line.vote = VoteOf(*source_.hard_state, source_.node_id);
      return line;
    }
    case 3: return CommittedLine{source_.committed};
    case 4: return PurgedLine{source_.purged};
    default: return std::nullopt;
  }
}

std::optional<Record> Exporter::StateScalar(std::size_t position) const {
  std::optional<LogId> applied = sm::ReadLastApplied(*source_.state);
  // Without a last applied entry its line is left out.
  if (!applied.has_value() && position > 0) ++position;
  switch (position) {
    case 0: return SequencesLine{sm::ReadLastSeq(*source_.state)};
    case 1: return LastAppliedLine{*applied};
    case 2: return LastMembershipLine{sm::ReadLastMembership(*source_.state)};
    default: return std::nullopt;
  }
}

std::optional<Record> Exporter::NextRow(char table) {
  if (rows_ == nullptr) {
    std::string prefix(1, table);
    rows_ = source_.state->Scan(prefix, sm::PrefixEnd(prefix));
  } else {
    rows_->Next();
  }
  if (rows_->Valid()) return RecordOfRow(table, rows_->key(), rows_->value());
  rows_ = nullptr;
  return std::nullopt;
}

std::optional<Record> Exporter::Produce() {
  switch (stage_) {
    case Stage::kLogScalars: return LogScalar(position_++);
    case Stage::kEntries:
      if (!entry_) return std::nullopt;
      return EntryLine{*std::exchange(entry_, NextEntry())};
    case Stage::kStateScalars: return StateScalar(position_++);
    case Stage::kNodes: return NextRow(sm::kNodeTable);
    case Stage::kExpire: return NextRow(sm::kExpireTable);
    case Stage::kRecords: return NextRow(sm::kRecordTable);
    case Stage::kEnd: return std::nullopt;
  }
  return std::nullopt;
}

bool Exporter::HasState() const {
  if (has_entries_ || source_.purged.has_value()) return true;
  return source_.state->Scan("", "")->Valid();
}

Exporter::Stage Exporter::After(Stage stage) const {
  switch (stage) {
    case Stage::kLogScalars: return Stage::kEntries;
    case Stage::kEntries: return HasState() ? Stage::kStateScalars : Stage::kEnd;
    case Stage::kStateScalars: return Stage::kNodes;
    case Stage::kNodes: return Stage::kExpire;
    case Stage::kExpire: return Stage::kRecords;
    case Stage::kRecords:
    case Stage::kEnd: return Stage::kEnd;
  }
  return Stage::kEnd;
}

bool Exporter::Next(std::string* line) {
  line->clear();
  while (stage_ != Stage::kEnd) {
    if (std::optional<Record> record = Produce()) {
      AppendLine(*record, line);
      return true;
    }
    stage_ = After(stage_);
    position_ = 0;
  }
  return false;
}

}  // namespace metasrv::backup
