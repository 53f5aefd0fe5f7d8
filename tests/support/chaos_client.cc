#include "tests/support/chaos_client.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <utility>

#include "io/socket.h"

namespace muster {

namespace {

constexpr int kLowestPriority = 19;
constexpr size_t kRandomBytesMax = 2'000;
constexpr size_t kLargeBytes = 1 << 20;
constexpr uint32_t kFlipsMax = 4;
constexpr Duration kFullWait = std::chrono::milliseconds(1);

class Frames {
 public:
  explicit Frames(const ChaosOptions& options) : good_(options.frames), random_(options.seed) {}

  Bytes next() {
    const uint32_t draw = below(10'000);
    if (draw == 0) return noise(kLargeBytes);
    if (draw < 2'500 || good_.empty()) return noise(below(kRandomBytesMax));
    // Who never says a good Hello is not listened to.
    if (draw < 2'510) {
      return encode_message(
          {1, Hello{kProtocolMin, kProtocolMax, Role::submitter, "stranger", "unknown"}});
    }
    Bytes frame = good_[below(static_cast<uint32_t>(good_.size()))];
    for (uint32_t flips = below(kFlipsMax + 1); flips > 0 && !frame.empty(); --flips) {
      frame[below(static_cast<uint32_t>(frame.size()))] = static_cast<char>(random_());
    }
    return frame;
  }

 private:
  uint32_t below(uint32_t end) { return static_cast<uint32_t>(random_()) % end; }
  Bytes noise(size_t bytes) {
    Bytes frame(bytes, '\0');
    std::generate(frame.begin(), frame.end(), [this] { return static_cast<char>(random_()); });
    return frame;
  }

  const std::vector<Bytes>& good_;
  std::mt19937 random_;
};

}  // namespace

std::vector<Bytes> load_frames(const std::string& dir) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir)) {
    if (entry.path().extension() == ".bin") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> frames;
  for (const std::filesystem::path& path : paths) {
    std::ifstream stream(path, std::ios::binary);
    Bytes frame(std::istreambuf_iterator<char>(stream), {});
    const auto decoded = decode_message(frame);
    const auto* envelope = std::get_if<Envelope>(&decoded);
    if (envelope && (std::holds_alternative<ApplyInventory>(envelope->message) ||
                     std::holds_alternative<Sync>(envelope->message))) {
      continue;
    }
    frames.push_back(std::move(frame));
  }
  return frames;
}

ChaosClient::ChaosClient(ChaosOptions options)
    : options_(std::move(options)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

ChaosClient::~ChaosClient() {
  thread_.request_stop();
  thread_.join();
}

void ChaosClient::run(const std::stop_token& stop) {
  // Of this thread, and of those that ZeroMQ starts from it.
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kLowestPriority);
  SocketContext context;
  auto socket = ClientSocket::connect(context, options_.endpoint);
  if (!socket.ok()) {
    std::fprintf(stderr, "chaos client: %s\n", socket.error().c_str());
    std::abort();
  }
  Poller poller;
  poller.add_socket((*socket)->handle(), 1);
  Frames frames(options_);
  while (!stop.stop_requested()) {
    if ((*socket)->send(frames.next())) {
      sent_.fetch_add(1);
    } else {
      poller.wait(kFullWait);  // its queue is full: the broker does not keep up, or does not care
    }
    while (options_.listens && (*socket)->receive()) {
    }
  }
}

}  // namespace muster
