#include "sm/operations.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace metasrv::sm {
namespace {

constexpr std::size_t kSequentialDigits = 21;
constexpr std::string_view kJsonSpace = " \t\r\n";

template <class Request>
Match MatchOr(const Request& request, Match otherwise) {
  return request.has_match_seq() ? Match::Exactly(request.match_seq()) : otherwise;
}

void FillPut(std::string key, UpsertResult outcome, meta::TxnPutResponse& response) {
  response.set_key(std::move(key));
  if (outcome.prev.has_value()) *response.mutable_prev_value() = std::move(*outcome.prev);
  if (outcome.result.has_value()) *response.mutable_current() = std::move(*outcome.result);
}

void Get(const EntryContext& entry, const std::string& key, meta::TxnGetResponse& response) {
  response.set_key(key);
  if (const meta::SeqV* record = entry.state.FindRecord(key)) *response.mutable_value() = *record;
}

void Put(const EntryContext& entry, const meta::TxnPutRequest& request, meta::TxnPutResponse& response) {
  RequestedExpiry expiry;
  if (request.has_expire_at()) expiry.expire_at = request.expire_at();
  if (request.has_ttl_ms()) expiry.ttl_ms = request.ttl_ms();
  const Match match = MatchOr(request, Match::AtLeast(0));
  FillPut(request.key(), UpdateRecord(entry, request.key(), match, request.value(), expiry), response);
}

void Delete(const EntryContext& entry, const meta::TxnDeleteRequest& request, meta::TxnDeleteResponse& response) {
  UpsertResult outcome = DeleteRecord(entry, request.key(), MatchOr(request, Match::AtLeast(1)));
  response.set_key(request.key());
  response.set_success(outcome.prev.has_value() && !outcome.result.has_value());
  if (outcome.prev.has_value()) *response.mutable_prev_value() = std::move(*outcome.prev);
}

void DeleteByPrefix(const EntryContext& entry, const meta::TxnDeleteByPrefixRequest& request,
                    meta::TxnDeleteByPrefixResponse& response) {
  const std::vector<std::string> keys = entry.state.LoadKeys(request.prefix());
  for (const std::string& key : keys) DeleteRecord(entry, key, Match::AtLeast(1));
  response.set_prefix(request.prefix());
  response.set_count(static_cast<std::uint32_t>(keys.size()));
}

void FetchIncrease(const EntryContext& entry, const meta::FetchIncreaseU64& request,
                   meta::FetchIncreaseU64Response& response) {
  const meta::SeqV* current = entry.state.FindRecord(request.key());
  const std::uint64_t before_seq = current == nullptr ? 0 : current->seq();
  const std::uint64_t before = current == nullptr ? 0 : ParseJsonU64(current->data());
  response.set_key(request.key());
  response.set_before_seq(before_seq);
  response.set_before(before);
  response.set_after_seq(before_seq);
  response.set_after(before);
  if (request.has_match_seq() && request.match_seq() != before_seq) return;
  const std::uint64_t after = AddClamped(std::max(before, request.max_value()), request.delta());
  // Written without an expiry of its own: an earlier one is lost, so that the record cannot be expired on arrival.
  UpdateRecord(entry, request.key(), Match::Any(), std::to_string(after), {});
  response.set_after_seq(entry.state.last_seq());
  response.set_after(after);
}

void PutSequential(const EntryContext& entry, const meta::PutSequential& request, meta::TxnPutResponse& response) {
  meta::FetchIncreaseU64 step;
  step.set_key(request.sequence_key());
  step.set_delta(1);
  meta::FetchIncreaseU64Response counter;
  FetchIncrease(entry, step, counter);
  std::string key = request.prefix() + SequentialSuffix(counter.before());
  RequestedExpiry expiry;
  if (request.has_expires_at_ms()) expiry.expire_at = request.expires_at_ms();
  if (request.has_ttl_ms()) expiry.ttl_ms = request.ttl_ms();
  UpsertResult outcome = UpdateRecord(entry, key, Match::Any(), request.value(), expiry);
  FillPut(std::move(key), std::move(outcome), response);
}

}  // namespace

void RunOperation(const EntryContext& entry, const meta::TxnOp& operation, meta::TxnOpResponse& response) {
  switch (operation.request_case()) {
    case meta::TxnOp::kPut: return Put(entry, operation.put(), *response.mutable_put());
    case meta::TxnOp::kDelete: return Delete(entry, operation.delete_(), *response.mutable_delete_());
    case meta::TxnOp::kDeleteByPrefix:
      return DeleteByPrefix(entry, operation.delete_by_prefix(), *response.mutable_delete_by_prefix());
    case meta::TxnOp::kFetchIncreaseU64:
      return FetchIncrease(entry, operation.fetch_increase_u64(), *response.mutable_fetch_increase_u64());
    case meta::TxnOp::kPutSequential: return PutSequential(entry, operation.put_sequential(), *response.mutable_put());
    case meta::TxnOp::kGet:
    case meta::TxnOp::REQUEST_NOT_SET:  // reads as Get of the empty key
      return Get(entry, operation.get().key(), *response.mutable_get());
  }
}

std::uint64_t ParseJsonU64(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kJsonSpace);
  if (begin == std::string_view::npos) return 0;
  const std::string_view digits = text.substr(begin, text.find_last_not_of(kJsonSpace) - begin + 1);
  if (digits.size() > 1 && digits[0] == '0') return 0;
  std::uint64_t number = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return 0;
    const auto unit = static_cast<std::uint64_t>(digit - '0');
    if (number > (UINT64_MAX - unit) / 10) return 0;
    number = number * 10 + unit;
  }
  return number;
}

std::uint64_t AddClamped(std::uint64_t base, std::int64_t delta) {
  if (delta >= 0) {
    const auto up = static_cast<std::uint64_t>(delta);
    return up <= UINT64_MAX - base ? base + up : UINT64_MAX;
  }
  const std::uint64_t down = std::uint64_t{0} - static_cast<std::uint64_t>(delta);
  return down <= base ? base - down : 0;
}

std::string SequentialSuffix(std::uint64_t number) {
  std::string digits = std::to_string(number);
  digits.insert(0, kSequentialDigits - digits.size(), '0');
  for (std::size_t place = kSequentialDigits - 3; place > 0; place -= 3) digits.insert(place, 1, '_');
  return digits;
}

}  // namespace metasrv::sm
