#include "server/mixed_port.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "common/check.h"
#include "server/bind_port.h"

namespace metasrv::server {
namespace {

using Clock = std::chrono::steady_clock;

// With this byte every TLS connection begins, and no HTTP/2 connection does.
constexpr unsigned char kHandshakeRecord = 0x16;
// Connections that have not said anything yet; the oldest one makes room for one more.
constexpr std::size_t kSilentMax = 256;
constexpr std::chrono::seconds kSilenceMax{10};
// How often the silent ones are looked at, and how long accepting pauses when the process is out of files.
constexpr std::chrono::milliseconds kPause{500};

}  // namespace

class MixedPort::Impl {
 public:
  explicit Impl(int listener) : listener_(listener), stop_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    CHECK_GE(stop_, 0);
  }
  ~Impl() {
    if (thread_.joinable()) Stop();
    for (const Silent& one : silent_) close(one.connection);
    close(listener_);
    close(stop_);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void Start(Take tls, Take plain) {
    tls_ = std::move(tls);
    plain_ = std::move(plain);
    thread_ = std::thread([this] { Serve(); });
  }

 private:
  struct Silent {
    int connection;
    Clock::time_point give_up;
  };

  void Stop() {
    stopping_ = true;
    const std::uint64_t one = 1;
    CHECK_EQ(write(stop_, &one, sizeof one), static_cast<ssize_t>(sizeof one));
    thread_.join();
  }

  void Serve() {
    pthread_setname_np(pthread_self(), "mixed-port");
    while (!stopping_) {
      const bool may_accept = Clock::now() >= accept_again_;
      const auto listening = static_cast<short>(may_accept ? POLLIN : 0);
      std::vector<pollfd> files{{stop_, POLLIN, 0}, {listener_, listening, 0}};
      for (const Silent& one : silent_) files.push_back({one.connection, POLLIN, 0});
      const bool must_look = !silent_.empty() || !may_accept;
      poll(files.data(), files.size(), must_look ? static_cast<int>(kPause.count()) : -1);
      HearSilent(files);
      if ((files[1].revents & POLLIN) != 0) Accept();
    }
  }

  // Requires: the files of the silent ones begin at the third.
  void HearSilent(const std::vector<pollfd>& files) {
    const auto now = Clock::now();
    std::vector<Silent> still;
    for (std::size_t i = 0; i < silent_.size(); ++i) {
      const Silent& one = silent_[i];
      if (files[i + 2].revents != 0) {
        HandOver(one.connection);
      } else if (now >= one.give_up) {
        close(one.connection);
      } else {
        still.push_back(one);
      }
    }
    silent_ = std::move(still);
  }

  void HandOver(int connection) {
    unsigned char first = 0;
    if (recv(connection, &first, 1, MSG_PEEK | MSG_DONTWAIT) != 1) {
      close(connection);
    } else {
      (first == kHandshakeRecord ? tls_ : plain_)(connection);
    }
  }

  void Accept() {
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection >= 0) {
      if (silent_.size() >= kSilentMax) {
        close(silent_.front().connection);
        silent_.erase(silent_.begin());
      }
      silent_.push_back({connection, Clock::now() + kSilenceMax});
    } else if (errno == EMFILE || errno == ENFILE) {
      accept_again_ = Clock::now() + kPause;
    }
  }

  const int listener_;
  const int stop_;  // readable when it is time
  Take tls_;
  Take plain_;
  std::atomic<bool> stopping_ = false;
  std::vector<Silent> silent_;  // of the thread
  Clock::time_point accept_again_;
  std::thread thread_;
};

MixedPort::MixedPort(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MixedPort::~MixedPort() = default;

std::expected<std::unique_ptr<MixedPort>, std::string> MixedPort::Listen(const std::string& host, std::uint16_t port) {
  const auto bound = BindPort(host, port);
  if (!bound) return std::unexpected(bound.error());
  const int on = 1;
  setsockopt(*bound, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // those that are accepted have it, too
  fcntl(*bound, F_SETFL, O_NONBLOCK);
  auto impl = std::make_unique<Impl>(*bound);
  if (listen(*bound, SOMAXCONN) != 0) return std::unexpected(std::strerror(errno));
  return std::unique_ptr<MixedPort>(new MixedPort(std::move(impl)));
}

void MixedPort::Start(Take tls, Take plain) { impl_->Start(std::move(tls), std::move(plain)); }

}  // namespace metasrv::server
