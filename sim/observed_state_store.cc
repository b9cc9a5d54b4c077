#include "sim/observed_state_store.h"

#include <map>
#include <utility>

#include "common/prng.h"
#include "meta.pb.h"
#include "sm/layout.h"

namespace metasrv::sim {
namespace {

std::optional<LogId> ParseLogId(std::string_view bytes) {
  meta::LogId id;
  if (!id.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
  return LogId{Term(id.term()), NodeId(id.node_id()), LogIndex(id.index())};
}

}  // namespace

void RowSum::Add(std::string_view key, std::string_view value) { sum_ += Hash64(value, Hash64(key)); }
void RowSum::Remove(std::string_view key, std::string_view value) { sum_ -= Hash64(value, Hash64(key)); }

std::uint64_t SumOfRows(const sm::Reader& state) {
  RowSum sum;
  for (auto row = state.Scan("", ""); row->Valid(); row->Next()) {
    if (row->key() != sm::kQuarantinedRow) sum.Add(row->key(), row->value());
  }
  return sum.value();
}

// Reports the new content once the inner installer has put it in place.
class ObservedInstaller : public sm::Installer {
 public:
  ObservedInstaller(std::unique_ptr<sm::Installer> inner, ObservedStateStore& store)
      : inner_(std::move(inner)), store_(store) {}

  using sm::Installer::Add;
  void Add(std::vector<sm::Row> rows, std::string mark) override { inner_->Add(std::move(rows), std::move(mark)); }
  void Commit(std::move_only_function<void(bool ok)> done) override {
    inner_->Commit([&store = store_, done = std::move(done)](bool ok) mutable {
      if (ok) store.Recount();
      if (ok) store.Announce(true);
      done(ok);
    });
  }

 private:
  std::unique_ptr<sm::Installer> inner_;
  ObservedStateStore& store_;
};

ObservedStateStore::ObservedStateStore(sm::Store& inner, Listener listener)
    : inner_(inner), listener_(std::move(listener)) {
  Recount();
}

void ObservedStateStore::Recount() {
  sum_ = RowSum();
  last_applied_.reset();
  for (auto row = inner_.Scan("", ""); row->Valid(); row->Next()) {
    if (row->key() == sm::kQuarantinedRow) continue;  // the one row that is the node's own
    sum_.Add(row->key(), row->value());
    if (row->key() == sm::kLastAppliedRow) last_applied_ = ParseLogId(row->value());
  }
}

void ObservedStateStore::Announce(bool installed) {
  if (last_applied_ && listener_) listener_(*last_applied_, sum_.value(), installed);
}

bool ObservedStateStore::Write(sm::WriteBatch batch) {
  std::map<std::string_view, const sm::WriteBatch::Change*> latest;  // a later change of a key wins
  for (const auto& change : batch.changes) latest[change.key] = &change;
  bool applied = false;
  for (const auto& [key, change] : latest) {
    if (key == sm::kQuarantinedRow) continue;
    if (const auto old = inner_.Get(key)) sum_.Remove(key, *old);
    if (change->value) sum_.Add(key, *change->value);
    if (key == sm::kLastAppliedRow && change->value) {
      last_applied_ = ParseLogId(*change->value);
      applied = true;
    }
  }
  if (!inner_.Write(std::move(batch))) return false;
  if (applied) Announce(false);
  return true;
}

std::unique_ptr<sm::Installer> ObservedStateStore::NewInstaller() {
  return std::make_unique<ObservedInstaller>(inner_.NewInstaller(), *this);
}

std::unique_ptr<sm::Installer> ObservedStateStore::ResumeInstaller() {
  return std::make_unique<ObservedInstaller>(inner_.ResumeInstaller(), *this);
}

}  // namespace metasrv::sim
