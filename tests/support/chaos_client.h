// A client of a broker without manners: random frames, and frames of ours in which bytes are
// changed, as fast as its socket takes them.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "io/codec.h"

namespace muster {

// Every frame in the files *.bin below `dir`, by the order of their names. Left out are those that
// give a broker another inventory, or another worker: who may do that needs no flood.
std::vector<Bytes> load_frames(const std::string& dir);

struct ChaosOptions {
  std::string endpoint;
  std::vector<Bytes> frames;  // to be changed
  uint32_t seed = 1;
  bool listens = true;  // reads what is answered
};

class ChaosClient {
 public:
  // Begins at once, in a thread of its own, at the lowest priority: on one machine it stands for a
  // peer elsewhere, that takes none of the broker's processors.
  explicit ChaosClient(ChaosOptions options);
  ~ChaosClient();  // ends it
  ChaosClient(const ChaosClient&) = delete;
  ChaosClient& operator=(const ChaosClient&) = delete;

  uint64_t sent() const { return sent_.load(); }  // frames that its socket has taken

 private:
  void run(const std::stop_token& stop);

  ChaosOptions options_;
  std::atomic<uint64_t> sent_{0};
  std::jthread thread_;  // last: it uses the others
};

}  // namespace muster
