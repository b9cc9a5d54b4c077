#pragma once

#include <functional>
#include <utility>

#include "io/log_store.h"

namespace metasrv::sim {

// Passes everything on to the real log store and tells what is issued and what has become durable, in order.
class ObservedLogStore : public io::LogStore {
 public:
  struct Listener {
    std::function<void(const io::LogBatch& batch)> issued;
    std::function<void()> durable;  // the oldest issued batch that is not yet
  };

  // `inner` must outlive this.
  ObservedLogStore(io::LogStore& inner, Listener listener) : inner_(inner), listener_(std::move(listener)) {}

  [[nodiscard]] std::expected<io::LogContents, io::Error> Visit(const Visitor& visit) const override {
    return inner_.Visit(visit);
  }
  void Read(LogIndex begin, LogIndex end, std::size_t bytes_max, ReadDone done) const override {
    inner_.Read(begin, end, bytes_max, std::move(done));
  }
  [[nodiscard]] std::unique_ptr<io::EntryCursor> Scan(LogIndex begin, LogIndex end) const override {
    return inner_.Scan(begin, end);
  }
  void Write(io::LogBatch batch, Done done) override {
    listener_.issued(batch);
    inner_.Write(std::move(batch), [this, done = std::move(done)](std::expected<void, io::Error> result) mutable {
      if (result) listener_.durable();
      done(std::move(result));
    });
  }
  [[nodiscard]] io::LogStats Stats() const override { return inner_.Stats(); }
  [[nodiscard]] std::optional<std::uint64_t> FreeBytes() const override { return inner_.FreeBytes(); }

 private:
  io::LogStore& inner_;
  Listener listener_;
};

}  // namespace metasrv::sim
