#include "workers/supervisor_link.h"

#include "io/local_socket.h"

namespace muster {

namespace {

constexpr Duration kDialAgain = std::chrono::milliseconds(100);

}  // namespace

void SupervisorLink::lose(int64_t boot_us) {
  fd_.reset();
  next_dial_us_ = boot_us + kDialAgain.count();
}

void SupervisorLink::dial(int64_t boot_us) {
  std::optional<UniqueFd> dialled = dial_local(worker_dir_, kSuperviseSocket);
  if (!dialled) return lose(boot_us);
  fd_ = std::move(*dialled);
  greeted_ = false;
  told_bytes_ = 0;
  next_alive_us_ = boot_us;
}

// What there is no room for now is told when there is.
void SupervisorLink::tell(int64_t boot_us) {
  if (!greeted_) {
    greeted_ = send_local(fd_.get(), encode_supervise(SuperviseHello{token_})) == Passed::done;
  }
  if (boot_us >= next_alive_us_) {
    next_alive_us_ = boot_us + kSupervisorBeat.count();
    if (greeted_) send_local(fd_.get(), encode_supervise(SuperviseAlive{}));
  }
  if (!greeted_ || told_bytes_ == journal_bytes_) return;
  if (send_local(fd_.get(), encode_supervise(SuperviseGrew{journal_bytes_})) == Passed::done) {
    told_bytes_ = journal_bytes_;
  }
}

std::vector<SuperviseMessage> SupervisorLink::wake(int64_t boot_us, uint64_t journal_bytes) {
  std::vector<SuperviseMessage> heard;
  journal_bytes_ = journal_bytes;
  if (!fd_.valid() && boot_us >= next_dial_us_) dial(boot_us);
  if (!fd_.valid()) return heard;
  tell(boot_us);
  std::string bytes;
  for (;;) {
    const Passed passed = receive_local(fd_.get(), bytes, kSuperviseBytesMax);
    if (passed == Passed::gone) lose(boot_us);
    if (passed != Passed::done) return heard;
    if (std::optional<SuperviseMessage> message = decode_supervise(bytes)) {
      heard.push_back(std::move(*message));
    }
  }
}

}  // namespace muster
