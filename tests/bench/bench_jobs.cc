// Jobs under their supervisors: what one costs, how many at once, how fast its output is kept.
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "io/codec.h"
#include "io/file.h"
#include "tests/bench/bench.h"
#include "tests/support/house.h"

namespace muster::bench {
namespace {

constexpr int kJobsPerRun = 100;
constexpr uint32_t kSlots = 100;
constexpr uint64_t kOutputBytes = 20 << 20;
constexpr uint64_t kSmallOutputBytes = 4 << 10;
constexpr uint64_t kLargeOutputBytes = 200 << 20;
constexpr Duration kPatience = std::chrono::seconds(60);

[[noreturn]] void fail(const House& house, const std::string& what) {
  std::fprintf(stderr, "muster_bench: %s\n%s", what.c_str(), house.daemon_output().c_str());
  std::exit(1);
}

// Submits commands and waits for their ends.
class Jobs {
 public:
  explicit Jobs(House& house) : house_(house), client_(house.connect()) {}

  void submit(const std::vector<std::string>& argv, int count = 1) {
    Submit message;
    message.watch = true;
    for (int i = 0; i < count; ++i) {
      auto spec = std::make_shared<TaskSpec>();
      spec->guid = "bench-jobs-" + std::to_string(++submitted_);
      spec->submitter = "bench@localhost";
      spec->wait_for_capacity = true;
      JobWork work;
      work.source = CommandSource{argv};
      spec->work = encode_work(work);
      message.tasks.push_back(std::move(spec));
    }
    client_->post(message);
  }

  void await_all() {
    while (ended_ < submitted_) {
      const std::optional<Message> pushed = client_->next_push(kPatience);
      if (!pushed) fail(house_, "the broker fell silent");
      const auto* news = std::get_if<TaskNews>(&*pushed);
      if (news == nullptr) continue;
      for (const TaskChange& change : news->changes) {
        if (change.state != TaskState::ended) continue;
        ++ended_;
        if (change.verdict != Verdict::pass) {
          fail(house_, "a job did not pass: " + (change.ending ? change.ending->message : ""));
        }
      }
    }
  }

  std::string newest_log() const {
    return house_.home().dir + "/worker/bench/attempts/bench-jobs-" + std::to_string(submitted_) +
           "/1/log";
  }

 private:
  House& house_;
  std::unique_ptr<Client> client_;
  uint64_t submitted_ = 0;
  uint64_t ended_ = 0;
};

// Of one bare process, from its start to its end.
double bare_process_ms() {
  std::vector<double> times;
  for (int i = 0; i < kJobsPerRun; ++i) {
    const Stopwatch watch;
    char program[] = "/bin/true";
    char* argv[] = {program, nullptr};
    char* envp[] = {nullptr};
    pid_t pid = -1;
    if (::posix_spawn(&pid, program, nullptr, nullptr, argv, envp) == 0) {
      ::waitpid(pid, nullptr, 0);
    }
    times.push_back(watch.us() / 1000);
  }
  return median(std::move(times));
}

double overhead_ms(Jobs& jobs) {
  std::vector<double> times;
  for (int i = 0; i < kJobsPerRun; ++i) {
    const Stopwatch watch;
    jobs.submit({"/bin/true"});
    jobs.await_all();
    times.push_back(watch.us() / 1000);
  }
  return median(std::move(times)) - bare_process_ms();
}

// Where jobs wait until they are let go: each says so before, by a byte in a FIFO.
class Gate {
 public:
  explicit Gate(const House& house) : dir_(house.home().dir) {
    arrived_ = make("arrived");
    gate_ = make("gate");
    if (!arrived_.valid() || !gate_.valid()) fail(house, "cannot make a FIFO in " + dir_);
  }

  // A script that does `first` and then waits.
  std::string wait_after(const std::string& first) const {
    return first + "; exec 3< " + dir_ + "/gate; echo > " + dir_ + "/arrived; read x <&3";
  }
  // How many are waiting: `count`, or less when that took too long.
  int await(int count) {
    const Stopwatch watch;
    int waiting = 0;
    const double patience_s = std::chrono::duration<double>(kPatience).count();
    while (waiting < count && watch.seconds() < patience_s) {
      pollfd item{arrived_.get(), POLLIN, 0};
      ::poll(&item, 1, 1000);
      char bytes[256];
      const ssize_t size = ::read(arrived_.get(), bytes, sizeof bytes);
      if (size > 0) waiting += static_cast<int>(size);
    }
    return waiting;
  }
  // Lets so many of them go: each takes a line.
  void let_go(int count) {
    const std::string lines(static_cast<size_t>(count), '\n');
    [[maybe_unused]] const Result<Done> written = write_all(gate_.get(), lines);
  }

 private:
  UniqueFd make(const std::string& name) const {
    const std::string path = dir_ + "/" + name;
    ::mkfifo(path.c_str(), 0600);
    return UniqueFd(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  }
  std::string dir_;
  UniqueFd arrived_;
  UniqueFd gate_;
};

// Jobs that all run at the same time: each waits until the last has begun.
struct AtOnce {
  int running = 0;  // at the peak
  double seconds = 0;
};
AtOnce run_at_once(const House& house, Jobs& jobs, Gate& gate) {
  const Stopwatch watch;
  jobs.submit({"/bin/sh", "-c", gate.wait_after(":")}, kJobsPerRun);
  AtOnce result;
  result.running = gate.await(kJobsPerRun);
  if (result.running < kJobsPerRun) fail(house, "100 jobs do not run at once");
  gate.let_go(kJobsPerRun);
  jobs.await_all();
  result.seconds = watch.seconds();
  return result;
}

// The only child of the process, or nothing.
std::optional<int> child_of(int pid) {
  const std::string id = std::to_string(pid);
  int child = 0;
  if (std::ifstream("/proc/" + id + "/task/" + id + "/children") >> child) return child;
  return std::nullopt;
}

// What worker and supervisor have ever had resident, when a job has said so much.
uint64_t peak_bytes_after(const House& house, Jobs& jobs, Gate& gate, int worker, uint64_t output) {
  jobs.submit(
      {"/bin/sh", "-c", gate.wait_after("head -c " + std::to_string(output) + " /dev/zero")});
  if (gate.await(1) != 1) fail(house, "a job with output does not run");
  const auto size = [&] {
    std::error_code gone;
    const uint64_t bytes = std::filesystem::file_size(jobs.newest_log(), gone);
    return gone ? 0 : bytes;
  };
  if (!eventually([&] { return size() >= output; }, kPatience)) {
    fail(house, "bytes of a job's output are missing");
  }
  const std::optional<int> launcher = child_of(worker);
  const std::optional<int> supervisor = launcher ? child_of(*launcher) : std::nullopt;
  if (!supervisor) fail(house, "the job has no supervisor");
  const uint64_t peak = peak_resident_bytes(worker) + peak_resident_bytes(*supervisor);
  gate.let_go(1);
  jobs.await_all();
  return peak;
}

}  // namespace

void bench_jobs(const std::string& bin_dir, const std::string& dir, Figures& figures) {
  House house(bin_dir, dir);
  const std::unique_ptr<Child> broker = house.start_broker();
  const std::unique_ptr<Child> worker = house.start_worker("bench", kSlots);
  Jobs jobs(house);
  jobs.submit({"/bin/true"}, kJobsPerRun);  // to warm up
  jobs.await_all();
  Gate gate(house);

  std::vector<double> overheads;
  std::vector<double> running;
  std::vector<double> at_once;
  std::vector<double> floods;
  for (int run = 0; run < kRuns; ++run) {
    overheads.push_back(overhead_ms(jobs));
    const AtOnce together = run_at_once(house, jobs, gate);
    running.push_back(together.running);
    at_once.push_back(together.seconds);
    const Stopwatch flood;
    jobs.submit({"head", "-c", std::to_string(kOutputBytes), "/dev/zero"});
    jobs.await_all();
    floods.push_back(flood.seconds());
    if (std::filesystem::file_size(jobs.newest_log()) < kOutputBytes) {
      fail(house, "bytes of a job's output are missing");
    }
  }
  const uint64_t small = peak_bytes_after(house, jobs, gate, worker->pid(), kSmallOutputBytes);
  const uint64_t large = peak_bytes_after(house, jobs, gate, worker->pid(), kLargeOutputBytes);
  const double grown = (static_cast<double>(large) - static_cast<double>(small)) / (1 << 20);
  figures.push_back({"job_overhead_ms", median(overheads), "ms", "<= 5"});
  figures.push_back({"jobs_at_once", median(running), "jobs", ">= 100"});
  figures.push_back({"jobs_100_at_once_s", median(at_once), "s", ""});
  figures.push_back({"job_output_20_mb_s", median(floods), "s", "<= 1"});
  figures.push_back({"job_output_200_mb_growth_mb", grown, "MB", "<= 2"});
}

}  // namespace muster::bench
