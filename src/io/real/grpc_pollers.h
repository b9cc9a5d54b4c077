#pragma once

#include <cstddef>
#include <memory>

namespace metasrv::io {

// Sees to it that no more of gRPC's threads wait for the network than the machine needs. gRPC 1.51 runs the callbacks
// of a process on two threads or more, and whichever takes an event wakes another one, to wait for the next event: on a
// small machine that costs more than handling the event. So all but a few threads are held back, in callbacks that do
// not return. They are let go while the others do not answer: one of those may wait for a disk that hangs.
//
// Asking whether they answer also keeps them awake: gRPC's threads stop listening for 100 ms after each second without
// work.
class GrpcPollers {
 public:
  // Holds back as many threads as this machine can do without.
  GrpcPollers();
  // Holds back `idle` threads. Requires: gRPC has more.
  explicit GrpcPollers(std::size_t idle);
  // Lets all of them go.
  ~GrpcPollers();
  GrpcPollers(const GrpcPollers&) = delete;
  GrpcPollers& operator=(const GrpcPollers&) = delete;

  // Threads that are held back now.
  [[nodiscard]] std::size_t idle() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace metasrv::io
