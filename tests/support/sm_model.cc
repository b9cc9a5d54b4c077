#include "tests/support/sm_model.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace metasrv::testing {
namespace {

using Record = std::optional<meta::SeqV>;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kNever = kMax;

std::uint64_t ExpiryMillis(const meta::SeqV& record) {
  if (!record.meta().has_expire_at()) return kNever;
  const std::uint64_t raw = record.meta().expire_at();
  return raw > 100'000'000'000 ? raw : raw * 1000;
}

std::uint64_t JsonNumber(std::string text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_space(text.front())) text.erase(0, 1);
  while (!text.empty() && is_space(text.back())) text.pop_back();
  const bool all_digits = std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (text.empty() || !all_digits || text.size() > 20) return 0;
  if (text.size() > 1 && text[0] == '0') return 0;
  if (text.size() == 20 && text > std::to_string(kMax)) return 0;
  return std::stoull(text);
}

std::string SequentialKey(const std::string& prefix, std::uint64_t number) {
  std::string digits = std::to_string(number);
  while (digits.size() < 21) digits = "0" + digits;
  std::string key = prefix;
  for (std::size_t i = 0; i < digits.size(); i += 3) key += (i == 0 ? "" : "_") + digits.substr(i, 3);
  return key;
}

template <class T>
bool Compare(const T& left, int op, const T& right) {
  switch (op) {
    case meta::TxnCondition::NE: return left != right;
    case meta::TxnCondition::LT: return left < right;
    case meta::TxnCondition::LE: return left <= right;
    case meta::TxnCondition::GT: return left > right;
    case meta::TxnCondition::GE: return left >= right;
    default: return left == right;
  }
}

// One entry at work on the model.
class Run {
 public:
  Run(SmModel& model, std::uint64_t time, SmModel::Outcome& outcome) : model_(model), time_(time), outcome_(outcome) {}

  void Sweep();
  void Upsert(const pb::UpsertKv& request);
  void Transaction(const meta::TxnRequest& request);
  void KvTransaction(const pb::KvTxn& request);
  void AddNode(const meta::CmdAddNode& command);
  void RemoveNode(const meta::CmdRemoveNode& command);

 private:
  // `least` and `most` bound the seqs that match; an absent record has seq 0.
  struct Bounds {
    std::uint64_t least;
    std::uint64_t most;
  };
  struct PrevAndResult {
    Record prev;
    Record result;
  };

  [[nodiscard]] Record Find(const std::string& key) const {
    const auto found = model_.records.find(key);
    return found == model_.records.end() ? Record() : Record(found->second);
  }
  [[nodiscard]] std::vector<std::string> KeysOf(const std::string& prefix) const {
    std::vector<std::string> keys;
    for (const auto& [key, record] : model_.records) {
      if (key.substr(0, prefix.size()) == prefix) keys.push_back(key);
    }
    return keys;
  }

  PrevAndResult Change(const std::string& key, Bounds bounds, const pb::Operation& op, const pb::MetaSpec& spec);
  [[nodiscard]] bool True(const meta::TxnCondition& condition) const;
  [[nodiscard]] bool True(const meta::BooleanExpression& expression) const;
  [[nodiscard]] bool True(const pb::Predicate& predicate) const;
  [[nodiscard]] static bool Combine(bool any, const std::vector<bool>& values);
  void Execute(const meta::TxnOp& op, meta::TxnOpResponse* response);
  void Put(const std::string& key, Bounds bounds, const std::string& value, const pb::MetaSpec& spec,
           meta::TxnPutResponse* response);
  meta::FetchIncreaseU64Response Increase(const meta::FetchIncreaseU64& request);

  SmModel& model_;
  std::uint64_t time_;
  SmModel::Outcome& outcome_;
};

void Run::Sweep() {
  std::vector<std::pair<std::pair<std::uint64_t, std::uint64_t>, std::string>> due;
  for (const auto& [key, record] : model_.records) {
    const std::uint64_t expiry = ExpiryMillis(record);
    if (expiry < time_) due.push_back({{expiry, record.seq()}, key});
  }
  std::sort(due.begin(), due.end());
  for (const auto& [order, key] : due) {
    outcome_.changes.push_back({key, Find(key), {}});
    model_.records.erase(key);
  }
}

Run::PrevAndResult Run::Change(const std::string& key, Bounds bounds, const pb::Operation& op,
                               const pb::MetaSpec& spec) {
  const Record prev = Find(key);
  const std::uint64_t current = prev ? prev->seq() : 0;
  if (current < bounds.least || current > bounds.most) return {prev, prev};
  if (!op.has_update() && !prev) return {};
  Record next;
  if (!op.has_delete_()) {
    next.emplace();
    next->set_seq(++model_.seq);
    next->set_data(op.has_update() ? op.update() : prev->data());
    next->mutable_meta()->set_proposed_at_ms(time_);
    if (spec.has_ttl_ms()) {
      next->mutable_meta()->set_expire_at(spec.ttl_ms() > kMax - time_ ? kMax : time_ + spec.ttl_ms());
    } else if (spec.has_expire_at()) {
      next->mutable_meta()->set_expire_at(spec.expire_at());
    }
    if (ExpiryMillis(*next) < time_) next.reset();
  }
  model_.records.erase(key);
  if (next) model_.records[key] = *next;
  if (prev || next) outcome_.changes.push_back({key, prev, next});
  return {prev, next};
}

void Run::Upsert(const pb::UpsertKv& request) {
  Bounds bounds{0, kMax};
  if (request.seq().has_exact()) bounds = {request.seq().exact(), request.seq().exact()};
  if (request.seq().has_ge()) bounds = {request.seq().ge(), kMax};
  const auto [prev, result] = Change(request.key(), bounds, request.value(), request.value_meta());
  pb::UpsertReply* reply = outcome_.reply.mutable_kv();
  if (prev) *reply->mutable_prev() = *prev;
  if (result) *reply->mutable_result() = *result;
}

bool Run::Combine(bool any, const std::vector<bool>& values) {
  if (values.empty()) return true;
  const auto is_true = [](bool value) { return value; };
  return any ? std::any_of(values.begin(), values.end(), is_true) : std::all_of(values.begin(), values.end(), is_true);
}

bool Run::True(const meta::TxnCondition& condition) const {
  const Record record = Find(condition.key());
  if (condition.has_seq()) {
    return Compare<std::uint64_t>(record ? record->seq() : 0, condition.expected(), condition.seq());
  }
  if (condition.has_value()) return record && Compare(record->data(), condition.expected(), condition.value());
  if (condition.has_keys_with_prefix()) {
    return Compare<std::uint64_t>(KeysOf(condition.key()).size(), condition.expected(), condition.keys_with_prefix());
  }
  return false;
}

bool Run::True(const meta::BooleanExpression& expression) const {
  std::vector<bool> values;
  for (const auto& child : expression.sub_expressions()) values.push_back(True(child));
  for (const auto& child : expression.conditions()) values.push_back(True(child));
  return Combine(expression.operator_() == meta::BooleanExpression::OR, values);
}

bool Run::True(const pb::Predicate& predicate) const {
  if (predicate.has_leaf()) return True(predicate.leaf());
  std::vector<bool> values;
  for (const auto& child : predicate.any().children()) values.push_back(True(child));
  for (const auto& child : predicate.all().children()) values.push_back(True(child));
  return Combine(predicate.has_any(), values);
}

void Run::Transaction(const meta::TxnRequest& request) {
  meta::TxnReply* reply = outcome_.reply.mutable_transaction();
  auto operations = request.else_then();
  reply->set_execution_path("else");
  bool then = true;
  for (const auto& condition : request.condition()) then = then && True(condition);
  if (then) {
    operations = request.if_then();
    reply->set_execution_path("then");
  }
  for (int i = request.operations_size() - 1; i >= 0; --i) {  // backwards, so that the first true one stays
    const auto& branch = request.operations(i);
    if (branch.has_predicate() && !True(branch.predicate())) continue;
    operations = branch.operations();
    reply->set_execution_path("operation:" + std::to_string(i));
  }
  reply->set_success(reply->execution_path() != "else");
  for (const auto& op : operations) Execute(op, reply->add_responses());
}

void Run::KvTransaction(const pb::KvTxn& request) {
  meta::KvTransactionReply* reply = outcome_.reply.mutable_kv_transaction();
  for (int i = 0; i < request.branches_size(); ++i) {
    if (!True(request.branches(i).predicate())) continue;
    reply->set_executed_branch(static_cast<std::uint32_t>(i));
    for (const auto& op : request.branches(i).operations()) Execute(op, reply->add_responses());
    break;
  }
}

void Run::Put(const std::string& key, Bounds bounds, const std::string& value, const pb::MetaSpec& spec,
              meta::TxnPutResponse* response) {
  pb::Operation update;
  update.set_update(value);
  const auto [prev, result] = Change(key, bounds, update, spec);
  response->set_key(key);
  if (prev) *response->mutable_prev_value() = *prev;
  if (result) *response->mutable_current() = *result;
}

meta::FetchIncreaseU64Response Run::Increase(const meta::FetchIncreaseU64& request) {
  meta::FetchIncreaseU64Response response;
  const Record before = Find(request.key());
  response.set_key(request.key());
  response.set_before_seq(before ? before->seq() : 0);
  response.set_before(before ? JsonNumber(before->data()) : 0);
  response.set_after_seq(response.before_seq());
  response.set_after(response.before());
  if (request.has_match_seq() && request.match_seq() != response.before_seq()) return response;
  const __int128 sum = static_cast<__int128>(std::max(response.before(), request.max_value())) + request.delta();
  response.set_after(static_cast<std::uint64_t>(std::clamp<__int128>(sum, 0, kMax)));
  pb::Operation update;
  update.set_update(std::to_string(response.after()));
  response.set_after_seq(Change(request.key(), {0, kMax}, update, {}).result->seq());
  return response;
}

void Run::Execute(const meta::TxnOp& op, meta::TxnOpResponse* response) {
  if (op.has_put()) {
    pb::MetaSpec spec;
    if (op.put().has_expire_at()) spec.set_expire_at(op.put().expire_at());
    if (op.put().has_ttl_ms()) spec.set_ttl_ms(op.put().ttl_ms());
    const std::uint64_t match = op.put().match_seq();
    const Bounds bounds = op.put().has_match_seq() ? Bounds{match, match} : Bounds{0, kMax};
    Put(op.put().key(), bounds, op.put().value(), spec, response->mutable_put());
  } else if (op.has_delete_()) {
    pb::Operation remove;
    remove.mutable_delete_();
    const std::uint64_t match = op.delete_().match_seq();
    const Bounds bounds = op.delete_().has_match_seq() ? Bounds{match, match} : Bounds{1, kMax};
    const auto [prev, result] = Change(op.delete_().key(), bounds, remove, {});
    response->mutable_delete_()->set_key(op.delete_().key());
    response->mutable_delete_()->set_success(prev && !result);
    if (prev) *response->mutable_delete_()->mutable_prev_value() = *prev;
  } else if (op.has_delete_by_prefix()) {
    pb::Operation remove;
    remove.mutable_delete_();
    const auto keys = KeysOf(op.delete_by_prefix().prefix());
    for (const std::string& key : keys) Change(key, {1, kMax}, remove, {});
    response->mutable_delete_by_prefix()->set_prefix(op.delete_by_prefix().prefix());
    response->mutable_delete_by_prefix()->set_count(static_cast<std::uint32_t>(keys.size()));
  } else if (op.has_fetch_increase_u64()) {
    *response->mutable_fetch_increase_u64() = Increase(op.fetch_increase_u64());
  } else if (op.has_put_sequential()) {
    const meta::PutSequential& put = op.put_sequential();
    meta::FetchIncreaseU64 increase;
    increase.set_key(put.sequence_key());
    increase.set_delta(1);
    const std::uint64_t number = Increase(increase).before();
    pb::MetaSpec spec;
    if (put.has_expires_at_ms()) spec.set_expire_at(put.expires_at_ms());
    if (put.has_ttl_ms()) spec.set_ttl_ms(put.ttl_ms());
    Put(SequentialKey(put.prefix(), number), {0, kMax}, put.value(), spec, response->mutable_put());
  } else {
    response->mutable_get()->set_key(op.get().key());
    if (const Record record = Find(op.get().key())) *response->mutable_get()->mutable_value() = *record;
  }
}

void Run::AddNode(const meta::CmdAddNode& command) {
  pb::NodeReply* reply = outcome_.reply.mutable_node();
  const bool present = model_.nodes.contains(command.node_id());
  if (present) *reply->mutable_prev() = model_.nodes[command.node_id()];
  if (!present || command.overriding()) model_.nodes[command.node_id()] = command.node();
  *reply->mutable_result() = model_.nodes[command.node_id()];
}

void Run::RemoveNode(const meta::CmdRemoveNode& command) {
  pb::NodeReply* reply = outcome_.reply.mutable_node();
  if (!model_.nodes.contains(command.node_id())) return;
  *reply->mutable_prev() = model_.nodes[command.node_id()];
  model_.nodes.erase(command.node_id());
}

}  // namespace

SmModel::Outcome SmModel::Apply(const pb::Command& command) {
  Outcome outcome;
  Run run(*this, command.time_ms(), outcome);
  run.Sweep();
  log_time_ms = std::max<std::uint64_t>(log_time_ms, command.time_ms());
  for (const Named& earlier : named) {
    const bool known = earlier.id == command.request_id() && log_time_ms - earlier.time_ms < 10 * 60 * 1000;
    if (!known) continue;
    outcome.reply = earlier.reply;
    return outcome;
  }
  if (command.has_upsert_kv()) run.Upsert(command.upsert_kv());
  if (command.has_transaction()) run.Transaction(command.transaction());
  if (command.has_kv_transaction()) run.KvTransaction(command.kv_transaction());
  if (command.has_add_node()) run.AddNode(command.add_node());
  if (command.has_remove_node()) run.RemoveNode(command.remove_node());
  if (command.has_set_feature()) {
    if (command.set_feature().enable()) features.insert(command.set_feature().feature());
    if (!command.set_feature().enable()) features.erase(command.set_feature().feature());
  }
  if (!command.request_id().empty()) named.push_back({command.request_id(), log_time_ms, outcome.reply});
  return outcome;
}

std::optional<meta::SeqV> SmModel::Get(const std::string& key, std::uint64_t now_ms) const {
  const auto found = records.find(key);
  if (found == records.end() || ExpiryMillis(found->second) < now_ms) return std::nullopt;
  return found->second;
}

std::vector<meta::StreamItem> SmModel::List(std::string_view prefix, std::uint64_t now_ms) const {
  std::vector<meta::StreamItem> items;
  for (const auto& [key, record] : records) {
    if (!key.starts_with(prefix) || ExpiryMillis(record) < now_ms) continue;
    meta::StreamItem& item = items.emplace_back();
    item.set_key(key);
    *item.mutable_value() = record;
  }
  return items;
}

}  // namespace metasrv::testing
