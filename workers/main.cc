// muster-worker: the process near the hardware. It executes attempts and keeps what they say until
// the broker has recorded it.
#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "core/guid.h"
#include "core/limits.h"
#include "io/cgroup.h"
#include "io/config.h"
#include "io/file.h"
#include "io/flags.h"
#include "io/home.h"
#include "io/logging.h"
#include "io/stop_signal.h"
#include "workers/checks/check.h"
#include "workers/launcher.h"
#include "workers/spool.h"
#include "workers/strays.h"
#include "workers/uploader.h"
#include "workers/worker.h"

namespace {

struct Flags {
  std::string home;
  std::string name;
  std::string endpoint;
  std::string lab;
  std::vector<std::string> pools;
  uint64_t slots = 0;
  std::string log_level;
  bool end_jobs = false;
};

int fail(const std::string& message) {
  std::fprintf(stderr, "muster-worker: %s\n", message.c_str());
  return 1;
}

int fail_usage(const std::string& message) {
  fail(message);
  return muster::kExitUsage;
}

void override_config(const Flags& flags, muster::Config& config) {
  if (!flags.name.empty()) config.worker.name = flags.name;
  if (!flags.endpoint.empty()) config.endpoint = flags.endpoint;
  if (!flags.lab.empty()) config.worker.lab = flags.lab;
  if (!flags.pools.empty()) config.worker.pools = flags.pools;
  if (flags.slots > 0) config.worker.slots = static_cast<uint32_t>(flags.slots);
  if (!flags.log_level.empty()) config.log_level = flags.log_level;
}

// What must be written before anything else can begin.
struct Begun {
  muster::PidFile pid_file;
  std::unique_ptr<muster::Spool> spool;
};

muster::Result<std::unique_ptr<Begun>> begin(const muster::Home& home, const muster::Config& config,
                                             const std::string& dir) {
  if (const auto made = muster::make_home(home); !made.ok()) return muster::Error{made.error()};
  if (const auto made = muster::make_dirs(dir); !made.ok()) return muster::Error{made.error()};
  auto pid_file =
      muster::PidFile::acquire(dir + "/worker.pid", "a muster worker named " + config.worker.name);
  if (!pid_file.ok()) return muster::Error{pid_file.error()};
  muster::LogOptions log_options;
  log_options.daemon = "worker-" + config.worker.name;
  log_options.logs_dir = home.logs_dir();
  log_options.level = config.log_level;
  if (const auto ready = muster::setup_logging(log_options); !ready.ok())
    return muster::Error{ready.error()};
  auto spool = muster::Spool::open(dir, static_cast<uint64_t>(std::time(nullptr)));
  if (!spool.ok()) return muster::Error{spool.error()};
  return std::make_unique<Begun>(Begun{std::move(*pid_file), std::move(*spool)});
}

// A full disk is no reason to end: whoever starts us again and again would give up before somebody
// has made room. Null when `stop_fd` became readable meanwhile.
muster::Result<std::unique_ptr<Begun>> begin_when_there_is_room(const muster::Home& home,
                                                                const muster::Config& config,
                                                                const std::string& dir,
                                                                int stop_fd) {
  constexpr uint64_t kFullBytes = 1 << 20;  // a spool may not begin in less
  constexpr int kBackOffMsMax = 30'000;
  for (int back_off_ms = 1000;; back_off_ms = std::min(2 * back_off_ms, kBackOffMsMax)) {
    auto begun = begin(home, config, dir);
    if (begun.ok()) return begun;
    const muster::Result<uint64_t> free = muster::free_bytes(home.dir);
    if (!free.ok() || *free >= kFullBytes) return begun;
    if (back_off_ms == 1000) {
      std::fprintf(stderr, "muster-worker: the disk is full; waiting for room: %s\n",
                   begun.error().c_str());
    }
    pollfd stop{stop_fd, POLLIN, 0};
    if (::poll(&stop, 1, back_off_ms) > 0) return std::unique_ptr<Begun>();
  }
}

muster::Result<std::unique_ptr<muster::Uploader>> begin_uploads(const muster::Config& config,
                                                                const std::string& dir) {
  const muster::Result<std::string> token = muster::load_http_token(config);
  if (!token.ok()) return muster::Error{token.error()};
  muster::UploaderConfig uploads;
  uploads.archive = config.archive.url;
  uploads.token = *token;
  uploads.state_dir = dir + "/uploads";
  uploads.log_max = config.worker.log_max;
  uploads.reserve = config.worker.disk_reserve;
  return muster::Uploader::start(uploads);
}

// Below which jobs get cgroups; empty where they cannot.
std::string find_cgroup_dir() {
  const muster::Result<std::string> dir = muster::find_own_cgroup_dir();
  if (dir.ok()) {
    spdlog::debug("jobs get cgroups of their own, below {}", *dir);
  } else {
    spdlog::debug("jobs get no cgroups: {}", dir.error());
  }
  return dir.ok() ? *dir : "";
}

// Until it is stopped. Whoever starts this worker again waits for its lock, and goes on with the
// uploads that are broken off here.
int run_worker(const muster::WorkerSetup& setup, std::unique_ptr<muster::Spool> spool,
               muster::Uploader& uploader, int stop_fd) {
  muster::SystemClock clock;
  muster::SocketContext sockets;
  auto worker = std::make_unique<muster::Worker>(setup, std::move(spool), sockets, clock);
  const auto served = worker->serve(stop_fd);
  if (!served.ok()) {
    spdlog::critical("{}", served.error());
    return 1;
  }
  worker.reset();
  if (!uploader.stop(muster::kUploaderGrace)) {
    spdlog::info("stopped; uploads that a disk holds up are left to the next start");
    spdlog::shutdown();
    std::_Exit(0);
  }
  spdlog::info("stopped");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (muster::is_check_child(argc, argv)) return muster::run_check_child(argc, argv);
  if (muster::is_launcher(argc, argv)) return muster::run_launcher();

  Flags flags;
  muster::FlagSet set(
      "muster-worker",
      "The worker: sits near the hardware, runs verifications and jobs, and keeps what they say "
      "until the broker has recorded it. Flags go before HOME/muster.yaml.");
  set.text("home", "DIR", "where everything of this installation lies", &flags.home);
  set.text("name", "NAME", "the worker's name, as the inventory has it", &flags.name);
  set.text("endpoint", "URL", "where the broker listens", &flags.endpoint);
  set.text("lab", "NAME", "the lab that the worker belongs to", &flags.lab);
  set.list("pool", "NAME", "a pool that it serves; may be given again", &flags.pools);
  set.number("slots", "N", "attempts that run at the same time", 1, muster::kSlotsMax,
             &flags.slots);
  set.enable("end-jobs",
             "end the jobs that run when the worker is stopped, gently and within 30 s; without it "
             "they go "
             "on, and the next worker of this name takes them up",
             &flags.end_jobs);
  set.choice("log-level", {"trace", "debug", "info", "warn", "error"}, "least level of the log",
             &flags.log_level);
  if (const std::optional<int> status = set.parse_or_exit_status(argc, argv)) return *status;

  muster::Result<muster::UniqueFd> stop = muster::make_stop_fd();
  if (!stop.ok()) return fail(stop.error());
  const muster::Result<muster::Home> home = muster::resolve_home(flags.home);
  if (!home.ok()) return fail_usage(home.error());
  muster::raise_descriptor_limit();
  muster::ConfigFile file = muster::load_config(*home);
  if (file.problems.has_errors()) return fail_usage("\n" + file.problems.to_text());
  muster::Config& config = file.config;
  override_config(flags, config);
  if (const auto problem = muster::invalid_name(config.worker.name, "worker name"))
    return fail_usage(*problem);
  if (const auto problem = muster::invalid_endpoint(config.endpoint)) return fail_usage(*problem);

  const std::string dir = home->worker_dir(config.worker.name);
  const auto begun = begin_when_there_is_room(*home, config, dir, stop->get());
  if (!begun.ok()) return fail(begun.error());
  if (!*begun) return 0;  // stopped before it could begin
  const std::unique_ptr<muster::Spool>& spool = (*begun)->spool;
  if (const size_t killed = spool->kill_leftovers(); killed > 0) {
    spdlog::warn("killed {} process groups that attempts of an earlier run had left", killed);
  }
  if (const auto adopts = muster::adopt_orphans(); !adopts.ok()) spdlog::warn("{}", adopts.error());
  spdlog::info("worker {} incarnation {}: {} slots, dialling {}", config.worker.name,
               spool->incarnation(), config.worker.slots, config.endpoint);

  auto uploader = begin_uploads(config, dir);
  if (!uploader.ok()) return fail(uploader.error());
  const muster::WorkerSetup setup{
      config.worker.name,    config.worker.lab,       config.worker.pools,
      config.worker.slots,   config.endpoint,         dir,
      "/proc/self/exe",      config.worker.log_max,   config.worker.disk_reserve,
      config.worker.listers, config.worker.git_allow, uploader->get(),
      find_cgroup_dir(),     flags.end_jobs};
  return run_worker(setup, std::move((*begun)->spool), **uploader, stop->get());
}
