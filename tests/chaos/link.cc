#include "tests/chaos/link.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "io/clock.h"

namespace muster {
namespace {

constexpr int kLookAgainMs = 10;
constexpr size_t kPiecesMax = 64;
constexpr size_t kPieceBytesMax = 64 << 10;
constexpr Duration kSlowness = std::chrono::milliseconds(500);
constexpr uint32_t kLatePercent = 30;
constexpr uint32_t kEndPercent = 3;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

UniqueFd stream_socket() {
  return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

}  // namespace

Link::Link(std::string path, std::string target, uint32_t seed)
    : path_(std::move(path)), target_(std::move(target)), random_(seed) {
  listener_ = stream_socket();
  const sockaddr_un address = address_of(path_);
  if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_.get(), 64) != 0) {
    std::perror(path_.c_str());
    std::abort();
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
}

void Link::lose(End end) { give(end == End::dialler ? Order::lose_dialler : Order::lose_broker); }
void Link::mend() { give(Order::mend); }
void Link::close_all() { give(Order::close_all); }

void Link::set(Weather weather) {
  weather_ = weather;
  settle();
}

void Link::give(Order order) {
  {
    const std::lock_guard lock(orders_mutex_);
    orders_.push_back(order);
  }
  settle();
}

// A turn that has begun may still see what was before; the next one does not.
void Link::settle() const {
  const uint64_t seen = turns_;
  for (uint64_t now = seen; now < seen + 2; now = turns_) turns_.wait(now);
}

void Link::obey() {
  std::vector<Order> orders;
  {
    const std::lock_guard lock(orders_mutex_);
    orders.swap(orders_);
  }
  for (const Order order : orders) {
    if (order == Order::close_all) pairs_.clear();
    if (order == Order::mend) pairs_.remove_if([](const Pair& pair) { return pair.half; });
    if (order != Order::lose_dialler && order != Order::lose_broker) continue;
    for (Pair& pair : pairs_) {
      pair.half = true;
      pair.ends[order == Order::lose_broker].reset();
    }
  }
}

void Link::serve(const std::stop_token& stop) {
  SystemClock clock;
  while (!stop.stop_requested()) {
    ++turns_;
    turns_.notify_all();
    obey();
    const Instant now = clock.now();
    std::vector<pollfd> fds = {{weather_ == Weather::cut ? -1 : listener_.get(), POLLIN, 0}};
    for (const Pair& pair : pairs_) {
      for (const size_t end : {0, 1}) {
        const short events = wanted(pair, end, now);
        fds.push_back({events == 0 ? -1 : pair.ends[end].get(), events, 0});
      }
    }
    if (::poll(fds.data(), fds.size(), kLookAgainMs) <= 0) continue;
    size_t at = 1;
    for (auto pair = pairs_.begin(); pair != pairs_.end(); at += 2) {
      for (const size_t end : {0, 1}) move(*pair, end, fds[at + end].revents, now);
      pair = is_over(*pair) ? pairs_.erase(pair) : std::next(pair);
    }
    if (fds[0].revents != 0) accept();
  }
}

void Link::accept() {
  Pair pair;
  pair.ends[0] =
      UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  pair.ends[1] = stream_socket();
  const sockaddr_un address = address_of(target_);
  // Of a broker that is stopped the queue may be full; then it refuses, too.
  const bool connected = ::connect(pair.ends[1].get(), reinterpret_cast<const sockaddr*>(&address),
                                   sizeof address) == 0;
  if (connected && pair.ends[0].valid()) pairs_.push_back(std::move(pair));
}

short Link::wanted(const Pair& pair, size_t end, Instant now) const {
  if (weather_ == Weather::cut || !pair.ends[end].valid()) return 0;
  short events = 0;
  if (!pair.over[end] && pair.queues[end].size() < kPiecesMax) events |= POLLIN;
  const std::deque<Piece>& incoming = pair.queues[1 - end];
  if (!incoming.empty() && incoming.front().due <= now) events |= POLLOUT;
  return events;
}

void Link::move(Pair& pair, size_t end, short ready, Instant now) {
  if (!pair.ends[end].valid()) return;
  if ((ready & (POLLIN | POLLHUP | POLLERR)) != 0) read(pair, end, now);
  if ((ready & POLLOUT) != 0) write(pair, end, now);
}

void Link::read(Pair& pair, size_t end, Instant now) {
  std::string bytes(kPieceBytesMax, '\0');
  const ssize_t size = ::recv(pair.ends[end].get(), bytes.data(), bytes.size(), 0);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) {
    pair.over[end] = true;
    return;
  }
  if (pair.half) return;  // nobody hears it
  if (weather_ == Weather::lossy && random_() % 100 < kEndPercent) {
    pair.over[0] = pair.over[1] = true;
    pair.queues[0].clear();
    pair.queues[1].clear();
    return;
  }
  bytes.resize(static_cast<size_t>(size));
  const Instant at = due(pair, end, now);
  pair.queues[end].push_back({at, std::move(bytes)});
}

// The order of what one end says stays.
Instant Link::due(const Pair& pair, size_t end, Instant now) {
  Instant at = now;
  if (weather_ == Weather::slow) at += kSlowness;
  if (weather_ == Weather::lossy && random_() % 100 < kLatePercent) {
    at += std::chrono::milliseconds(200 + random_() % 800);
  }
  return pair.queues[end].empty() ? at : std::max(at, pair.queues[end].back().due);
}

void Link::write(Pair& pair, size_t end, Instant now) {
  std::deque<Piece>& incoming = pair.queues[1 - end];
  while (!incoming.empty() && incoming.front().due <= now) {
    std::string& bytes = incoming.front().bytes;
    const ssize_t sent =
        ::send(pair.ends[end].get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno != EAGAIN) pair.over[end] = true;
      return;
    }
    bytes.erase(0, static_cast<size_t>(sent));
    if (!bytes.empty()) return;
    incoming.pop_front();
  }
}

bool Link::is_over(const Pair& pair) {
  return (pair.over[0] && pair.queues[0].empty()) || (pair.over[1] && pair.queues[1].empty());
}

}  // namespace muster
