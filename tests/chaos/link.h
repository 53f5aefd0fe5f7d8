// A link between the broker and those who dial it: a Unix socket that carries what is said to the
// broker's and back, in the weather that a test asks for. It is a stream, so bytes are not lost one
// by one: as with TCP they come late, or the connection ends.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <list>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "core/time.h"
#include "io/file.h"

namespace muster {

enum class Weather : uint8_t {
  fair,
  cut,    // nothing comes through, nobody is told, and who dials is not answered
  lossy,  // 3 of 10 pieces are late as if sent again, and 3 of 100 end their connection
  slow,   // everything comes half a second later
};

class Link {
 public:
  // Listens at `path`; `target` is where the broker listens, now or later.
  Link(std::string path, std::string target, uint32_t seed);

  std::string endpoint() const { return "ipc://" + path_; }

  // Each of these has been done when it returns.
  void set(Weather weather);
  // The connections that there are now lose one end, and the other is not told: whatever it says is
  // lost. New ones are as the weather is. Lasts until mend().
  enum class End : uint8_t { dialler, broker };
  void lose(End end);
  // All connections that have lost an end are closed.
  void mend();
  void close_all();

 private:
  struct Piece {
    Instant due;
    std::string bytes;
  };
  // One connection. What was read from end i waits in queue i for the other end.
  struct Pair {
    UniqueFd ends[2];
    std::deque<Piece> queues[2];
    bool over[2] = {false, false};  // nothing more comes from that end
    bool half = false;
  };
  enum class Order : uint8_t { none, lose_dialler, lose_broker, mend, close_all };

  void give(Order order);
  void settle() const;
  void serve(const std::stop_token& stop);
  void obey();
  void accept();
  void move(Pair& pair, size_t end, short ready, Instant now);
  void read(Pair& pair, size_t end, Instant now);
  void write(Pair& pair, size_t end, Instant now);
  short wanted(const Pair& pair, size_t end, Instant now) const;
  Instant due(const Pair& pair, size_t end, Instant now);
  static bool is_over(const Pair& pair);

  const std::string path_;
  const std::string target_;
  std::mt19937 random_;
  std::atomic<Weather> weather_ = Weather::fair;
  std::atomic<uint64_t> turns_ = 0;  // of the thread
  std::mutex orders_mutex_;
  std::vector<Order> orders_;
  UniqueFd listener_;
  std::list<Pair> pairs_;
  std::jthread thread_;  // last: ends first
};

}  // namespace muster
