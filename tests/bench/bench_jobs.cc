// Jobs under their supervisors: what one costs, how many at once, how fast its output is kept.
#include <spawn.h>
#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "io/codec.h"
#include "tests/bench/bench.h"
#include "tests/support/house.h"

namespace muster::bench {
namespace {

constexpr int kJobsPerRun = 100;
constexpr uint32_t kSlots = 100;
constexpr uint64_t kOutputBytes = 20 << 20;
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

}  // namespace

void bench_jobs(const std::string& bin_dir, const std::string& dir, Figures& figures) {
  House house(bin_dir, dir);
  const std::unique_ptr<Child> broker = house.start_broker();
  const std::unique_ptr<Child> worker = house.start_worker("bench", kSlots);
  Jobs jobs(house);
  jobs.submit({"/bin/true"}, kJobsPerRun);  // to warm up
  jobs.await_all();
  const uint64_t resident_before = resident_bytes(worker->pid());

  std::vector<double> overheads;
  std::vector<double> at_once;
  std::vector<double> floods;
  for (int run = 0; run < kRuns; ++run) {
    overheads.push_back(overhead_ms(jobs));
    const Stopwatch together;
    jobs.submit({"/bin/true"}, kJobsPerRun);
    jobs.await_all();
    at_once.push_back(together.seconds());
    const Stopwatch flood;
    jobs.submit({"head", "-c", std::to_string(kOutputBytes), "/dev/zero"});
    jobs.await_all();
    floods.push_back(flood.seconds());
    if (std::filesystem::file_size(jobs.newest_log()) < kOutputBytes) {
      fail(house, "bytes of a job's output are missing");
    }
  }
  const auto grown =
      static_cast<double>(resident_bytes(worker->pid())) - static_cast<double>(resident_before);
  figures.push_back({"job_overhead_ms", median(overheads), "ms", "<= 5"});
  figures.push_back({"jobs_100_at_once_s", median(at_once), "s", ""});
  figures.push_back({"job_output_20_mb_s", median(floods), "s", "<= 1"});
  figures.push_back({"job_worker_growth_bytes", grown, "bytes", ""});
}

}  // namespace muster::bench
