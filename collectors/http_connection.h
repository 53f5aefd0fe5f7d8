// The connections of collectors/http_server.h, as cpp-httplib wants them: bytes, and threads that
// serve them. Only http_server.cc includes it.
#pragma once

#include <httplib.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "collectors/http_server.h"
#include "collectors/http_server_request.h"
#include "core/time.h"
#include "io/file.h"

namespace muster {

// A connection on which nothing is asked is closed after so long.
inline constexpr Duration kHttpIdleMax = std::chrono::seconds(30);

// That the server is to end: from then on no client is waited for, and what moves has a moment
// more.
class HttpEnding {
 public:
  HttpEnding();
  void begin();
  int fd() const { return begun_.get(); }  // readable once it has begun
  int64_t by_us() const { return by_us_.load(); }

 private:
  UniqueFd begun_;
  std::atomic<int64_t> by_us_{INT64_MAX};
};

// One connection's bytes, within the bounds of the request that is being read.
class HttpConnection final : public httplib::Stream {
 public:
  // `ending` outlives it. A request has `request_max` bytes at most.
  HttpConnection(int fd, const HttpEnding& ending, const HttpPace& pace, size_t request_max);

  // False when the client has gone or said nothing for too long, or the server is to end.
  bool await_request();

  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* into, size_t size) override;
  ssize_t write(const char* bytes, size_t size) override;

  // It was said that the connection ends with this answer.
  bool ends() const { return ends_; }
  // Where the head passes its bounds, says so.
  void refuse_head();
  // A request ended in its midst: what follows cannot be told from its rest.
  bool broken() const { return broken_; }

  // Lets the client read the answer although it was still sending.
  void close_gently();

  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return fd_; }

 private:
  bool wait(short events, int64_t deadline_us) const;
  bool fill();
  ssize_t send(const char* bytes, size_t size);

  int fd_;
  const HttpEnding& ending_;
  const HttpPace pace_;
  size_t request_max_;
  size_t budget_ = 0;  // bytes that may still be read of this request
  HeadBounds head_;
  bool broken_ = false;
  bool answers_ = false;  // the request that was read last
  bool ends_ = false;
  int64_t deadline_us_ = 0;
  mutable int64_t patience_us_;  // for a client that takes less than the pace
  size_t at_ = 0;
  size_t end_ = 0;
  std::array<char, 16 << 10> buffer_;
};

// What becomes of a connection.
enum class HttpTurn : uint8_t {
  serve,
  refuse,  // too many are open, and too many wait: it is told so
  drop,    // too many are being told: it is closed without a word
};

// Threads as they are needed, up to a bound; they stay for the next connection.
class HttpThreads final : public httplib::TaskQueue {
 public:
  explicit HttpThreads(const HttpCrowd& crowd);

  void enqueue(std::function<void()> task) override;
  void shutdown() override;

  // Of the task that runs in this thread.
  static HttpTurn turn();

 private:
  // Tasks of one turn, and the threads that do them.
  struct Lane {
    HttpTurn turn;
    size_t threads_max;
    size_t waiting_max;
    std::deque<std::function<void()>> tasks{};
    std::condition_variable wake{};
    size_t idle = 0;
    std::vector<std::jthread> threads{};
  };

  bool take(Lane& lane, std::function<void()>& task);
  void work(Lane& lane);

  std::mutex mutex_;
  bool ending_ = false;
  Lane serving_;
  Lane refusing_;
};

}  // namespace muster
