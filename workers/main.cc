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
#include "io/daemon.h"
#include "workers/checks/check.h"
#include "workers/launcher.h"
#include "workers/spool.h"
#include "workers/strays.h"
#include "workers/uploader.h"
#include "workers/worker.h"

namespace {

struct Flags {
  std::string name;
  std::string endpoint;
  std::string lab;
  std::vector<std::string> pools;
  uint64_t slots = 0;
  bool end_jobs = false;
};

void override_config(const Flags& flags, muster::Config& config) {
  if (!flags.name.empty()) config.worker.name = flags.name;
  if (!flags.endpoint.empty()) config.endpoint = flags.endpoint;
  if (!flags.lab.empty()) config.worker.lab = flags.lab;
  if (!flags.pools.empty()) config.worker.pools = flags.pools;
  if (flags.slots > 0) config.worker.slots = static_cast<uint32_t>(flags.slots);
}

// What must be written before anything else can begin.
muster::Result<std::unique_ptr<muster::Spool>> begin(muster::Daemon& daemon,
                                                     const std::string& dir) {
  const std::string& name = daemon.config().worker.name;
  const auto begun =
      daemon.begin("worker-" + name, dir + "/worker.pid", "a muster worker named " + name);
  if (!begun.ok()) return muster::Error{begun.error()};
  return muster::Spool::open(dir, static_cast<uint64_t>(std::time(nullptr)));
}

// A full disk is no reason to end: whoever starts us again and again would give up before somebody
// has made room. Null when the worker is to end meanwhile.
muster::Result<std::unique_ptr<muster::Spool>> begin_when_there_is_room(muster::Daemon& daemon,
                                                                        const std::string& dir) {
  constexpr uint64_t kFullBytes = 1 << 20;  // a spool may not begin in less
  constexpr int kBackOffMsMax = 30'000;
  for (int back_off_ms = 1000;; back_off_ms = std::min(2 * back_off_ms, kBackOffMsMax)) {
    auto spool = begin(daemon, dir);
    if (spool.ok()) return spool;
    const muster::Result<uint64_t> free = muster::free_bytes(daemon.home().dir);
    if (!free.ok() || *free >= kFullBytes) return spool;
    if (back_off_ms == 1000) {
      daemon.fail("the disk is full; waiting for room: " + spool.error());
    }
    pollfd stop{daemon.stop_fd(), POLLIN, 0};
    if (::poll(&stop, 1, back_off_ms) > 0) return std::unique_ptr<muster::Spool>();
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

// What is printed by those who supervise the jobs.
std::string errors_of(muster::Daemon& daemon) {
  return daemon.home().logs_dir() + "/worker-" + daemon.config().worker.name + "-jobs";
}

muster::CurveNeeds needs_of(const muster::Home& home, const muster::Config& config) {
  const std::string& name = config.worker.name;
  const std::string& key = config.keys.worker;
  return {"worker " + name, key.empty() ? muster::key_file(home, name) : key, "", config.endpoint};
}

// Until it is stopped. Whoever starts this worker again waits for its lock, and goes on with the
// uploads that are broken off here.
int run_worker(const muster::Daemon& daemon, const muster::WorkerSetup& setup,
               std::unique_ptr<muster::Spool> spool, muster::Uploader& uploader,
               muster::CurvePtr curve) {
  muster::SystemClock clock;
  muster::SocketContext sockets(std::move(curve));
  auto worker = std::make_unique<muster::Worker>(setup, std::move(spool), sockets, clock);
  const auto served = worker->serve(daemon.stop_fd());
  const int status = served.ok() ? 0 : daemon.fail(served.error());
  worker.reset();
  if (!uploader.stop(muster::kUploaderGrace)) {
    spdlog::info("stopped; uploads that a disk holds up are left to the next start");
    spdlog::shutdown();
    std::_Exit(status);
  }
  if (served.ok()) spdlog::info("stopped");
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  if (muster::is_check_child(argc, argv)) return muster::run_check_child(argc, argv);
  if (muster::is_launcher(argc, argv)) return muster::run_launcher();

  muster::Daemon daemon("muster-worker");
  Flags flags;
  muster::FlagSet set(
      "muster-worker",
      "The worker: sits near the hardware, runs verifications and jobs, and keeps what they say "
      "until the broker has recorded it. Flags go before HOME/muster.yaml.");
  daemon.add_flags(set);
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
  daemon.add_key_flags(set, true);
  if (const std::optional<int> status = set.parse_or_exit_status(argc, argv)) return *status;

  if (const std::optional<int> status = daemon.prepare()) return *status;
  muster::Config& config = daemon.config();
  override_config(flags, config);
  if (const auto problem = muster::invalid_name(config.worker.name, "worker name"))
    return daemon.fail_usage(*problem);
  if (const auto problem = muster::invalid_endpoint(config.endpoint))
    return daemon.fail_usage(*problem);

  if (const muster::Result<std::string> token = muster::load_http_token(config); !token.ok())
    return daemon.fail_usage(token.error());

  const std::string dir = daemon.home().worker_dir(config.worker.name);
  auto begun = begin_when_there_is_room(daemon, dir);
  if (!begun.ok()) return daemon.fail(begun.error());
  if (!*begun) return 0;  // stopped before it could begin
  std::unique_ptr<muster::Spool> spool = std::move(*begun);
  if (const size_t killed = spool->kill_leftovers(); killed > 0) {
    spdlog::warn("killed {} process groups that attempts of an earlier run had left", killed);
  }
  if (const auto adopts = muster::adopt_orphans(); !adopts.ok()) spdlog::warn("{}", adopts.error());
  spdlog::info("worker {} incarnation {}: {} slots, dialling {}", config.worker.name,
               spool->incarnation(), config.worker.slots, config.endpoint);

  const auto curve = daemon.open_curve(needs_of(daemon.home(), config));
  if (!curve.ok()) return daemon.fail_usage(curve.error());
  auto uploader = begin_uploads(config, dir);
  if (!uploader.ok()) return daemon.fail(uploader.error());
  const muster::WorkerSetup setup{
      config.worker.name,    config.worker.lab,       config.worker.pools,
      config.worker.slots,   config.endpoint,         dir,
      "/proc/self/exe",      config.worker.log_max,   config.worker.disk_reserve,
      config.worker.listers, config.worker.git_allow, uploader->get(),
      find_cgroup_dir(),     flags.end_jobs,          daemon.log_events(),
      config.trace_calls,    errors_of(daemon)};
  return run_worker(daemon, setup, std::move(spool), **uploader, curve->curve);
}
