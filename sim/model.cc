#include "sim/model.h"

#include <algorithm>

namespace metasrv::sim {
namespace {

constexpr std::uint64_t kNever = UINT64_MAX;

std::uint64_t AsMillis(std::uint64_t expire_at) {
  constexpr std::uint64_t kLargestSeconds = 100'000'000'000;
  return expire_at <= kLargestSeconds ? expire_at * 1000 : expire_at;
}

template <class T>
bool Compare(meta::TxnCondition::ConditionResult how, const T& left, const T& right) {
  switch (how) {
    case meta::TxnCondition::GT: return left > right;
    case meta::TxnCondition::GE: return left >= right;
    case meta::TxnCondition::LT: return left < right;
    case meta::TxnCondition::LE: return left <= right;
    case meta::TxnCondition::NE: return left != right;
    default: return left == right;
  }
}

std::string SequenceText(std::uint64_t number) {
  std::string digits = std::to_string(number);
  digits.insert(0, 21 - digits.size(), '0');
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && i % 3 == 0) text += '_';
    text += digits[i];
  }
  return text;
}

template <class Message>
std::optional<std::uint64_t> Optional(const Message& message, bool (Message::*has)() const,
                                      std::uint64_t (Message::*get)() const) {
  if (!(message.*has)()) return std::nullopt;
  return (message.*get)();
}

}  // namespace

std::uint64_t ModelExpiryMillis(const meta::SeqV& record) {
  return record.has_meta() && record.meta().has_expire_at() ? AsMillis(record.meta().expire_at()) : kNever;
}

bool ModelVisible(const meta::SeqV& record, std::uint64_t now_ms) { return ModelExpiryMillis(record) >= now_ms; }

bool SameRecord(const std::optional<meta::SeqV>& a, const std::optional<meta::SeqV>& b) {
  if (a.has_value() != b.has_value()) return false;
  if (!a) return true;
  return a->seq() == b->seq() && a->data() == b->data() && a->has_meta() == b->has_meta() &&
         a->meta().has_expire_at() == b->meta().has_expire_at() && a->meta().expire_at() == b->meta().expire_at() &&
         a->meta().has_proposed_at_ms() == b->meta().has_proposed_at_ms() &&
         a->meta().proposed_at_ms() == b->meta().proposed_at_ms();
}

std::uint64_t ModelCounter(std::string_view data) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = data.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return 0;
  data = data.substr(first, data.find_last_not_of(kSpace) - first + 1);
  if (data.size() > 20 || (data.size() > 1 && data[0] == '0')) return 0;
  unsigned __int128 number = 0;
  for (char c : data) {
    if (c < '0' || c > '9') return 0;
    number = number * 10 + static_cast<unsigned>(c - '0');
  }
  return number > kNever ? 0 : static_cast<std::uint64_t>(number);
}

ModelStep Model::Apply(const pb::Command& command) {
  step_ = ModelStep();
  time_ms_ = command.time_ms();
  log_time_ms_ = std::max(log_time_ms_, time_ms_);
  if (time_ms_ != 0) Sweep();
  const std::string& request_id = command.request_id();
  if (const Known* known = FindKnown(request_id)) {
    step_.reply = known->reply;
    return std::move(step_);
  }
  Run(command);
  if (!request_id.empty()) {
    known_[request_id] = {log_time_ms_, named_count_++, named_bytes_, step_.reply};
    named_bytes_ += step_.reply.ByteSizeLong() + 256;
  }
  return std::move(step_);
}

const Model::Known* Model::FindKnown(const std::string& request_id) const {
  constexpr std::uint64_t kKnownForMs = 10ULL * 60 * 1000;
  constexpr std::uint64_t kNewerOnesMax = 100'000;
  constexpr std::uint64_t kBytesMax = 64 << 20;
  const auto found = known_.find(request_id);
  if (found == known_.end()) return nullptr;
  const Known& known = found->second;
  const std::uint64_t newer = named_count_ - known.number - 1;
  const bool fits = newer == 0 || named_bytes_ - known.bytes_before <= kBytesMax;
  return log_time_ms_ - known.written_ms < kKnownForMs && newer < kNewerOnesMax && fits ? &known : nullptr;
}

void Model::Run(const pb::Command& command) {
  switch (command.cmd_case()) {
    case pb::Command::kUpsertKv: ApplyUpsert(command.upsert_kv()); break;
    case pb::Command::kTransaction: ApplyTransaction(command.transaction()); break;
    case pb::Command::kKvTransaction: ApplyKvTransaction(command.kv_transaction()); break;
    case pb::Command::kAddNode: ApplyNode(command.add_node()); break;
    case pb::Command::kRemoveNode: ApplyNode(command.remove_node()); break;
    case pb::Command::kSetFeature:
      if (command.set_feature().enable()) {
        features_.insert(command.set_feature().feature());
      } else {
        features_.erase(command.set_feature().feature());
      }
      break;
    case pb::Command::CMD_NOT_SET: break;
  }
}

void Model::Sweep() {
  while (!expiring_.empty() && std::get<0>(*expiring_.begin()) < time_ms_) {
    const std::string key = std::get<2>(*expiring_.begin());
    Set(key, std::nullopt);
  }
}

std::optional<meta::SeqV> Model::Find(const std::string& key) const {
  const auto found = records_.find(key);
  if (found == records_.end()) return std::nullopt;
  return found->second;
}

std::uint64_t Model::SeqOf(const std::string& key) const {
  const auto found = records_.find(key);
  return found == records_.end() ? 0 : found->second.seq();
}

void Model::StartFrom(const std::map<std::string, meta::SeqV>& records, std::map<std::uint64_t, meta::Node> nodes,
                      std::uint64_t last_seq) {
  for (const auto& [key, record] : records) Set(key, record);
  step_ = {};
  nodes_ = std::move(nodes);
  last_seq_ = last_seq;
}

void Model::Set(const std::string& key, std::optional<meta::SeqV> record) {
  std::optional<meta::SeqV> before = Find(key);
  if (before && ModelExpiryMillis(*before) != kNever) expiring_.erase({ModelExpiryMillis(*before), before->seq(), key});
  if (record) {
    records_[key] = *record;
    if (ModelExpiryMillis(*record) != kNever) expiring_.insert({ModelExpiryMillis(*record), record->seq(), key});
  } else {
    records_.erase(key);
  }
  if (before || record) step_.changes.push_back({key, std::move(before), std::move(record)});
}

std::optional<std::uint64_t> Model::Expiry(std::optional<std::uint64_t> at, std::optional<std::uint64_t> ttl) const {
  if (!ttl) return at;
  return *ttl > kNever - time_ms_ ? kNever : time_ms_ + *ttl;
}

Model::Upserted Model::Store(const std::string& key, std::string data, std::optional<std::uint64_t> expire_at) {
  Upserted outcome{Find(key), std::nullopt};
  meta::SeqV record;
  record.set_seq(++last_seq_);
  record.set_data(std::move(data));
  if (expire_at) record.mutable_meta()->set_expire_at(*expire_at);
  record.mutable_meta()->set_proposed_at_ms(time_ms_);
  if (ModelExpiryMillis(record) >= time_ms_) outcome.result = record;
  Set(key, outcome.result);
  return outcome;
}

void Model::ApplyUpsert(const pb::UpsertKv& request) {
  Upserted outcome{Find(request.key()), Find(request.key())};
  const std::uint64_t seq = SeqOf(request.key());
  const pb::MatchSeq& match = request.seq();
  const bool matches = match.has_exact() ? seq == match.exact() : !match.has_ge() || seq >= match.ge();
  const pb::MetaSpec& spec = request.value_meta();
  const auto expire_at = Expiry(Optional(spec, &pb::MetaSpec::has_expire_at, &pb::MetaSpec::expire_at),
                                Optional(spec, &pb::MetaSpec::has_ttl_ms, &pb::MetaSpec::ttl_ms));
  if (matches && request.value().has_update()) {
    outcome = Store(request.key(), request.value().update(), expire_at);
  } else if (matches && request.value().has_as_is() && outcome.prev) {
    outcome = Store(request.key(), outcome.prev->data(), expire_at);
  } else if (matches && request.value().has_delete_() && outcome.prev) {
    Set(request.key(), std::nullopt);
    outcome.result.reset();
  }
  pb::UpsertReply* reply = step_.reply.mutable_kv();
  if (outcome.prev) *reply->mutable_prev() = *outcome.prev;
  if (outcome.result) *reply->mutable_result() = *outcome.result;
}

void Model::ApplyTransaction(const meta::TxnRequest& request) {
  meta::TxnReply* reply = step_.reply.mutable_transaction();
  const google::protobuf::RepeatedPtrField<meta::TxnOp>* chosen = nullptr;
  for (int i = 0; i < request.operations_size() && chosen == nullptr; ++i) {
    const meta::ConditionalOperation& branch = request.operations(i);
    if (branch.has_predicate() && !Holds(branch.predicate())) continue;
    chosen = &branch.operations();
    reply->set_success(true);
    reply->set_execution_path("operation:" + std::to_string(i));
  }
  if (chosen == nullptr) {
    const auto& conditions = request.condition();
    const bool then = std::all_of(conditions.begin(), conditions.end(), [&](const auto& c) { return Holds(c); });
    chosen = then ? &request.if_then() : &request.else_then();
    reply->set_success(then);
    reply->set_execution_path(then ? "then" : "else");
  }
  for (const meta::TxnOp& operation : *chosen) *reply->add_responses() = Run(operation);
}

void Model::ApplyKvTransaction(const pb::KvTxn& request) {
  meta::KvTransactionReply* reply = step_.reply.mutable_kv_transaction();
  for (int i = 0; i < request.branches_size(); ++i) {
    if (!Holds(request.branches(i).predicate())) continue;
    reply->set_executed_branch(static_cast<std::uint32_t>(i));
    for (const meta::TxnOp& operation : request.branches(i).operations()) *reply->add_responses() = Run(operation);
    return;
  }
}

void Model::ApplyNode(const meta::CmdAddNode& request) {
  pb::NodeReply* reply = step_.reply.mutable_node();
  const auto found = nodes_.find(request.node_id());
  if (found != nodes_.end()) *reply->mutable_prev() = found->second;
  if (found == nodes_.end() || request.overriding()) nodes_[request.node_id()] = request.node();
  *reply->mutable_result() = nodes_[request.node_id()];
}

void Model::ApplyNode(const meta::CmdRemoveNode& request) {
  pb::NodeReply* reply = step_.reply.mutable_node();
  const auto found = nodes_.find(request.node_id());
  if (found == nodes_.end()) return;
  *reply->mutable_prev() = found->second;
  nodes_.erase(found);
}

bool Model::Holds(const meta::BooleanExpression& expression) const {
  const int count = expression.sub_expressions_size() + expression.conditions_size();
  if (count == 0) return true;
  int held = 0;
  for (const auto& child : expression.sub_expressions()) held += Holds(child) ? 1 : 0;
  for (const auto& child : expression.conditions()) held += Holds(child) ? 1 : 0;
  return expression.operator_() == meta::BooleanExpression::OR ? held > 0 : held == count;
}

bool Model::Holds(const pb::Predicate& predicate) const {
  if (predicate.has_leaf()) return Holds(predicate.leaf());
  const auto& children = predicate.has_any() ? predicate.any().children() : predicate.all().children();
  if (children.empty()) return true;
  const auto held = std::count_if(children.begin(), children.end(), [&](const auto& child) { return Holds(child); });
  return predicate.has_any() ? held > 0 : held == children.size();
}

bool Model::Holds(const meta::TxnCondition& condition) const {
  switch (condition.target_case()) {
    case meta::TxnCondition::kSeq: return Compare(condition.expected(), SeqOf(condition.key()), condition.seq());
    case meta::TxnCondition::kValue: {
      const auto record = Find(condition.key());
      return record && Compare(condition.expected(), record->data(), condition.value());
    }
    case meta::TxnCondition::kKeysWithPrefix: {
      std::uint64_t count = 0;
      for (auto it = records_.lower_bound(condition.key()); it != records_.end(); ++it) {
        if (!it->first.starts_with(condition.key())) break;
        ++count;
      }
      return Compare(condition.expected(), count, condition.keys_with_prefix());
    }
    case meta::TxnCondition::TARGET_NOT_SET: return false;
  }
  return false;
}

meta::TxnOpResponse Model::Run(const meta::TxnOp& operation) {
  meta::TxnOpResponse response;
  switch (operation.request_case()) {
    case meta::TxnOp::kPut: {
      const meta::TxnPutRequest& put = operation.put();
      using Request = meta::TxnPutRequest;
      *response.mutable_put() =
          RunPut({put.key(), put.value(), Optional(put, &Request::has_expire_at, &Request::expire_at),
                  Optional(put, &Request::has_ttl_ms, &Request::ttl_ms),
                  Optional(put, &Request::has_match_seq, &Request::match_seq)});
      break;
    }
    case meta::TxnOp::kDelete: *response.mutable_delete_() = RunDelete(operation.delete_()); break;
    case meta::TxnOp::kDeleteByPrefix:
      *response.mutable_delete_by_prefix() = RunDeleteByPrefix(operation.delete_by_prefix().prefix());
      break;
    case meta::TxnOp::kFetchIncreaseU64:
      *response.mutable_fetch_increase_u64() = RunFetchIncrease(operation.fetch_increase_u64());
      break;
    case meta::TxnOp::kPutSequential: *response.mutable_put() = RunPutSequential(operation.put_sequential()); break;
    case meta::TxnOp::kGet:
    case meta::TxnOp::REQUEST_NOT_SET: {
      meta::TxnGetResponse* get = response.mutable_get();
      get->set_key(operation.get().key());
      if (const auto record = Find(get->key())) *get->mutable_value() = *record;
      break;
    }
  }
  return response;
}

meta::TxnPutResponse Model::RunPut(const Put& put) {
  meta::TxnPutResponse response;
  response.set_key(put.key);
  Upserted outcome{Find(put.key), Find(put.key)};
  if (!put.match_seq || *put.match_seq == SeqOf(put.key)) {
    outcome = Store(put.key, put.value, Expiry(put.expire_at, put.ttl_ms));
  }
  if (outcome.prev) *response.mutable_prev_value() = *outcome.prev;
  if (outcome.result) *response.mutable_current() = *outcome.result;
  return response;
}

meta::TxnDeleteResponse Model::RunDelete(const meta::TxnDeleteRequest& request) {
  meta::TxnDeleteResponse response;
  response.set_key(request.key());
  const auto before = Find(request.key());
  const bool matches = !request.has_match_seq() || request.match_seq() == SeqOf(request.key());
  if (before) *response.mutable_prev_value() = *before;
  response.set_success(before && matches);
  if (response.success()) Set(request.key(), std::nullopt);
  return response;
}

meta::TxnDeleteByPrefixResponse Model::RunDeleteByPrefix(const std::string& prefix) {
  std::vector<std::string> doomed;
  for (auto it = records_.lower_bound(prefix); it != records_.end() && it->first.starts_with(prefix); ++it) {
    doomed.push_back(it->first);
  }
  for (const std::string& key : doomed) Set(key, std::nullopt);
  meta::TxnDeleteByPrefixResponse response;
  response.set_prefix(prefix);
  response.set_count(static_cast<std::uint32_t>(doomed.size()));
  return response;
}

meta::FetchIncreaseU64Response Model::RunFetchIncrease(const meta::FetchIncreaseU64& request) {
  meta::FetchIncreaseU64Response response;
  const auto record = Find(request.key());
  const std::uint64_t before = record ? ModelCounter(record->data()) : 0;
  response.set_key(request.key());
  response.set_before_seq(SeqOf(request.key()));
  response.set_before(before);
  response.set_after_seq(response.before_seq());
  response.set_after(before);
  if (request.has_match_seq() && request.match_seq() != response.before_seq()) return response;
  const __int128 sum = static_cast<__int128>(std::max(before, request.max_value())) + request.delta();
  const std::uint64_t after = sum < 0                               ? 0
                              : sum > static_cast<__int128>(kNever) ? kNever
                                                                    : static_cast<std::uint64_t>(sum);
  response.set_after(after);
  Store(request.key(), std::to_string(after), std::nullopt);
  response.set_after_seq(last_seq_);
  return response;
}

meta::TxnPutResponse Model::RunPutSequential(const meta::PutSequential& request) {
  meta::FetchIncreaseU64 counter;
  counter.set_key(request.sequence_key());
  counter.set_delta(1);
  const std::uint64_t number = RunFetchIncrease(counter).before();
  using Request = meta::PutSequential;
  return RunPut({request.prefix() + SequenceText(number), request.value(),
                 Optional(request, &Request::has_expires_at_ms, &Request::expires_at_ms),
                 Optional(request, &Request::has_ttl_ms, &Request::ttl_ms), std::nullopt});
}

}  // namespace metasrv::sim
