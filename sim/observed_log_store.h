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

  [[nodiscard]] std::expected<io::LogContents, io::Error> Load() const override { return inner_.Load(); }
  void Write(io::LogBatch batch, Done done) override {
    listener_.issued(batch);
    inner_.Write(std::move(batch), [this, done = std::move(done)](std::expected<void, io::Error> result) mutable {
      if (result) listener_.durable();
      done(std::move(result));
    });
  }
  [[nodiscard]] io::LogStats Stats() const override { return inner_.Stats(); }

 private:
  io::LogStore& inner_;
  Listener listener_;
};

}  // namespace metasrv::sim
