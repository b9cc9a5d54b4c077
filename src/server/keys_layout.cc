#include "server/keys_layout.h"

#include "sm/layout.h"

namespace metasrv::server {
namespace {

// Paths of the directories of `key`, from the top: for "a/b/c" these are "a" and "a/b".
std::vector<std::string_view> DirectoriesOf(std::string_view key) {
  std::vector<std::string_view> paths;
  for (std::size_t slash = key.find('/'); slash != std::string_view::npos; slash = key.find('/', slash + 1)) {
    paths.push_back(key.substr(0, slash));
  }
  return paths;
}

}  // namespace

KeysLayout::KeysLayout(std::shared_ptr<const sm::Reader> state, std::optional<std::uint32_t> depth_max)
    : state_(std::move(state)), depth_max_(depth_max) {
  const std::string first(1, sm::kRecordTable);
  rows_ = state_->Scan(first, sm::PrefixEnd(first));
}

std::optional<meta::KeysCount> KeysLayout::Next() {
  while (ready_.empty() && rows_ != nullptr) {
    if (rows_->Valid()) {
      CountKey(sm::KeyOfRecordRow(rows_->key()));
      rows_->Next();
      continue;
    }
    LeaveDirectories(0);
    ready_.emplace_back().set_count(total_);
    rows_.reset();
  }
  if (ready_.empty()) return std::nullopt;
  meta::KeysCount item = std::move(ready_.front());
  ready_.pop_front();
  return item;
}

void KeysLayout::CountKey(std::string_view key) {
  const auto paths = DirectoriesOf(key);
  std::size_t shared = 0;
  while (shared < paths.size() && shared < open_.size() && open_[shared].path == paths[shared]) ++shared;
  LeaveDirectories(shared);
  for (std::size_t i = shared; i < paths.size(); ++i) open_.push_back({std::string(paths[i]), 0});
  for (Directory& directory : open_) ++directory.count;
  ++total_;
}

void KeysLayout::LeaveDirectories(std::size_t kept) {
  while (open_.size() > kept) {
    if (!depth_max_ || open_.size() <= *depth_max_) {
      meta::KeysCount& item = ready_.emplace_back();
      item.set_prefix(std::move(open_.back().path));
      item.set_count(open_.back().count);
    }
    open_.pop_back();
  }
}

}  // namespace metasrv::server
