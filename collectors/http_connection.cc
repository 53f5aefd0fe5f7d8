#include "collectors/http_connection.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "io/clock.h"

namespace muster {
namespace {

constexpr Duration kRequestMax = 60s;
// What is on its way when the server is to end has so long.
constexpr Duration kEndGrace = 1s;
constexpr Duration kDrainMax = 1s;
constexpr size_t kDrainBytesMax = 4 << 20;
// That are being told that there are too many.
constexpr size_t kRefusedMax = 64;

thread_local HttpTurn turn_of_thread = HttpTurn::serve;

}  // namespace

HttpEnding::HttpEnding() : begun_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void HttpEnding::begin() {
  by_us_ = boot_us() + kEndGrace.count();
  ::eventfd_write(begun_.get(), 1);
}

// --- bytes ---

HttpConnection::HttpConnection(int fd, const HttpEnding& ending, const HttpPace& pace,
                               size_t request_max)
    : fd_(fd),
      ending_(ending),
      pace_(pace),
      request_max_(request_max),
      deadline_us_(boot_us() + kRequestMax.count()),
      patience_us_(pace.patience.count()) {}

bool HttpConnection::await_request() {
  budget_ = request_max_;
  head_ = HeadBounds();
  answers_ = false;
  patience_us_ = pace_.patience.count();
  if (at_ == end_ && !wait(POLLIN, boot_us() + kHttpIdleMax.count())) return false;
  deadline_us_ = boot_us() + kRequestMax.count();
  return true;
}

bool HttpConnection::is_readable() const { return at_ < end_ || wait(POLLIN, deadline_us_); }

// What it is waited for here is lost to its patience, and what it takes brings that back.
bool HttpConnection::is_writable() const {
  const int64_t begun_us = boot_us();
  const bool ready = wait(POLLOUT, begun_us + patience_us_);
  patience_us_ = std::max<int64_t>(0, patience_us_ - (boot_us() - begun_us));
  return ready && patience_us_ > 0;
}

ssize_t HttpConnection::read(char* into, size_t size) {
  broken_ = broken_ || budget_ == 0 || (at_ == end_ && !fill());
  if (broken_) return -1;
  const size_t taken = std::min({size, end_ - at_, budget_});
  head_.take({buffer_.data() + at_, taken});
  broken_ = head_.passed();
  if (broken_) return -1;
  std::copy_n(buffer_.data() + at_, taken, into);
  at_ += taken;
  budget_ -= taken;
  return static_cast<ssize_t>(taken);
}

// The head of an answer comes in one piece.
ssize_t HttpConnection::write(const char* bytes, size_t size) {
  if (head_.passed()) return static_cast<ssize_t>(size);  // httplib's words for it: not ours
  if (!answers_) {
    const std::string_view head(bytes, size);
    ends_ = head.find("\r\nConnection: close\r\n") < head.find("\r\n\r\n");
    answers_ = !head.starts_with("HTTP/1.1 100 ");
  }
  return send(bytes, size);
}

void HttpConnection::refuse_head() {
  const std::optional<HttpAnswer> refusal = head_.refusal();
  if (!refusal) return;
  const char* const name =
      refusal->status == 414 ? "URI Too Long" : "Request Header Fields Too Large";
  const std::string text = "HTTP/1.1 " + std::to_string(refusal->status) + " " + name +
                           "\r\nConnection: close\r\nContent-Type: " + refusal->type +
                           "\r\nContent-Length: " + std::to_string(refusal->body.size()) +
                           "\r\n\r\n" + refusal->body;
  send(text.data(), text.size());
}

ssize_t HttpConnection::send(const char* bytes, size_t size) {
  for (;;) {
    if (!is_writable()) return -1;
    const ssize_t sent = ::send(fd_, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (sent > 0) {
      patience_us_ = std::min(pace_.patience.count(), patience_us_ + pace_.time_us_for(sent));
    }
    return sent;
  }
}

void HttpConnection::close_gently() {
  ::shutdown(fd_, SHUT_WR);
  size_t drained = 0;
  const int64_t deadline_us = boot_us() + kDrainMax.count();
  while (drained < kDrainBytesMax && wait(POLLIN, deadline_us)) {
    const ssize_t size = ::recv(fd_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (size <= 0) break;
    drained += static_cast<size_t>(size);
  }
  ::close(fd_);
}

// False at the deadline, and where the server is to end: at once when nothing moves, and soon
// although something does.
bool HttpConnection::wait(short events, int64_t deadline_us) const {
  pollfd fds[] = {{fd_, events, 0}, {ending_.fd(), POLLIN, 0}};
  for (;;) {
    const int64_t now_us = boot_us();
    if (now_us >= ending_.by_us()) return false;
    const int64_t left_ms = std::max<int64_t>(0, (deadline_us - now_us) / 1'000);
    const int ready = ::poll(fds, 2, static_cast<int>(left_ms));
    if (ready > 0) return fds[0].revents != 0;
    if (ready == 0 || errno != EINTR) return false;
  }
}

// False at the end, or when nothing comes in time.
bool HttpConnection::fill() {
  for (;;) {
    if (!wait(POLLIN, deadline_us_)) return false;
    const ssize_t size = ::recv(fd_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (size <= 0) return false;
    at_ = 0;
    end_ = static_cast<size_t>(size);
    return true;
  }
}

// --- threads ---

HttpTurn HttpThreads::turn() { return turn_of_thread; }

HttpThreads::HttpThreads(const HttpCrowd& crowd)
    : serving_{HttpTurn::serve, crowd.connections_max, crowd.waiting_max},
      refusing_{HttpTurn::refuse, 1, kRefusedMax} {}

void HttpThreads::enqueue(std::function<void()> task) {
  if (take(serving_, task) || take(refusing_, task)) return;
  turn_of_thread = HttpTurn::drop;
  task();
  turn_of_thread = HttpTurn::serve;
}

// False when too many wait; then the task is not taken.
bool HttpThreads::take(Lane& lane, std::function<void()>& task) {
  const std::lock_guard lock(mutex_);
  const size_t free = lane.idle + lane.threads_max - lane.threads.size();
  if (lane.tasks.size() >= free + lane.waiting_max) return false;
  lane.tasks.push_back(std::move(task));
  if (lane.idle < lane.tasks.size() && lane.threads.size() < lane.threads_max) {
    lane.threads.emplace_back([this, &lane] { work(lane); });
  }
  lane.wake.notify_one();
  return true;
}

void HttpThreads::work(Lane& lane) {
  turn_of_thread = lane.turn;
  std::unique_lock lock(mutex_);
  for (;;) {
    ++lane.idle;
    lane.wake.wait(lock, [&] { return ending_ || !lane.tasks.empty(); });
    --lane.idle;
    if (lane.tasks.empty()) return;
    const std::function<void()> task = std::move(lane.tasks.front());
    lane.tasks.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

void HttpThreads::shutdown() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  for (Lane* lane : {&serving_, &refusing_}) {
    lane->wake.notify_all();
    lane->threads.clear();  // joins
  }
}

}  // namespace muster
