// muster up: broker, worker and collector of one machine, started, watched and stopped together.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "cli/access.h"
#include "cli/doctor.h"
#include "cli/supervisor.h"
#include "cli/up_keys.h"
#include "cli/verb_file.h"
#include "cli/verbs.h"
#include "core/guid.h"
#include "io/curve_setup.h"
#include "io/file.h"

namespace muster {
namespace {

// While something is not ready yet, it is looked at so often, and so long each time.
constexpr Duration kProbeInterval = 50ms;
constexpr Duration kProbePatience = 200ms;
constexpr Duration kIdleInterval = 60s;
// After so long it is worth saying what is not ready.
constexpr Duration kSlowStart = 15s;

std::string own_directory() {
  const Result<std::string> dir = own_program_dir();
  if (!dir.ok()) throw Failure{kExitLocal, dir.error(), "is /proc mounted?"};
  return *dir;
}

class Up {
 public:
  Up(Session& session, const UpOptions& options)
      : session_(session),
        output_(session.output()),
        options_(options),
        worker_(options.worker_name.empty() ? session.config().worker.name : options.worker_name),
        supervisor_(output_) {}

  int run() {
    make_keys();
    start_all();
    const int64_t start_us = boot_us();
    while (true) {
      const Result<int> signal = supervisor_.wait(ready_ ? kIdleInterval : kProbeInterval);
      if (!signal) return give_up(signal.error());
      if (*signal != 0) break;
      if (!ready_) probe(boot_us() - start_us);
    }
    output_.talk("muster: stopping");
    supervisor_.stop();
    return kExitOk;
  }

 private:
  void make_keys() {
    const Config& config = session_.config();
    const std::vector<std::string> listens =
        session_.is_home_broker() ? config.listen : std::vector<std::string>{session_.endpoint()};
    const auto made = make_own_keys(config, session_.home(), listens, worker_);
    if (!made) throw Failure{kExitLocal, made.error(), ""};
    for (const std::string& name : *made) {
      output_.talk("muster: made the key " + name + "; see: muster key ls");
    }
    if (config.insecure && std::any_of(listens.begin(), listens.end(), is_tcp)) {
      output_.talk("muster: " + insecure_warning());
    }
  }

  // In this order, so that they end in the opposite one: first who makes events, last who keeps
  // them.
  void start_all() {
    start("broker", {});
    start("collector", {});
    std::vector<std::string> flags = {"--name", worker_, "--end-jobs"};
    if (options_.slots > 0) flags.insert(flags.end(), {"--slots", std::to_string(options_.slots)});
    start("worker", flags);
  }

  void start(const std::string& name, const std::vector<std::string>& flags) {
    const Home& home = session_.home();
    DaemonSpec spec;
    spec.name = name;
    spec.argv = {own_directory() + "/muster-" + name, "--home", home.dir};
    if (!session_.is_home_broker()) {
      spec.argv.insert(spec.argv.end(), {"--endpoint", session_.endpoint()});
    }
    spec.argv.insert(spec.argv.end(), flags.begin(), flags.end());
    spec.lock_file = name == "worker" ? home.worker_dir(worker_) + "/worker.pid"
                                      : home.run_dir() + "/" + name + ".pid";
    spec.log_stem = home.logs_dir() + "/" + name + (name == "worker" ? "-" + worker_ : "");
    if (const Result<Done> done = supervisor_.start(std::move(spec)); !done) {
      throw Failure{kExitLocal, done.error(), ""};
    }
  }

  void probe(int64_t waited_us) {
    const DoctorFacts facts = measure(session_, kProbePatience);
    const std::string missing = what_is_missing(facts);
    if (missing.empty()) return become_ready(facts);
    if (told_slow_ || waited_us < kSlowStart.count()) return;
    told_slow_ = true;
    output_.talk("muster: still waiting: " + missing);
  }

  std::string what_is_missing(const DoctorFacts& facts) const {
    if (!supervisor_.all_run()) return "not all daemons run yet";
    if (!facts.broker_fault.empty()) return "the broker does not answer: " + facts.broker_fault;
    const bool has_worker = std::any_of(
        facts.workers.begin(), facts.workers.end(),
        [&](const WorkerInfo& worker) { return worker.name == worker_ && worker.present; });
    if (!has_worker) return "the worker " + worker_ + " has not joined";
    const bool collects =
        !facts.collector_expected || (facts.collector_runs && facts.ledger_fault.empty());
    return collects ? "" : "the collector does not run: " + facts.ledger_fault;
  }

  void become_ready(const DoctorFacts& facts) {
    ready_ = true;
    size_t devices = facts.devices.size();
    if (!options_.inventory.empty()) {
      apply_inventory(session_, options_.inventory);
      devices = session_.devices().size();
    }
    const std::string next = devices == 0 ? "muster run -- uname -a" : "muster verify --all";
    const std::string home = session_.home().dir;
    const bool is_default = resolve_home("").ok() && resolve_home("")->dir == home;
    output_.show_one(
        [&] {
          return "muster is up in " + home + ": worker " + worker_ + ", " +
                 counted(devices, "device") + ". Next, in another terminal: " +
                 (is_default ? "" : "export MUSTER_HOME=" + home + "; ") + next + "\n";
        },
        [&] { return up_json(home, session_.endpoint(), worker_, ::getpid()); },
        [&] { return home; });
  }

  int give_up(const std::string& reason) {
    output_.talk("muster: giving up: stopping everything");
    supervisor_.stop();
    throw Failure{kExitFailed, reason, "mend that, then: muster up"};
  }

  Session& session_;
  Output& output_;
  const UpOptions& options_;
  std::string worker_;
  Supervisor supervisor_;
  bool ready_ = false;
  bool told_slow_ = false;
};

}  // namespace

int do_verb(Session& session, const UpOptions& options) {
  const Home& home = session.home();
  if (!options.worker_name.empty()) {
    if (const auto reason = invalid_name(options.worker_name, "worker")) {
      throw Failure{kExitUsageError, "--worker-name: " + *reason, ""};
    }
  }
  if (!options.inventory.empty()) load_inventory_or_throw(session.output(), options.inventory);
  for (const std::string& dir : {home.dir, home.run_dir(), home.logs_dir(), home.broker_dir(),
                                 home.collector_dir(), home.results_dir()}) {
    if (const auto denied = denied_access(dir, W_OK | X_OK)) {
      throw Failure{kExitNotPermitted, *denied, kDeniedHint};
    }
  }
  if (const Result<Done> made = make_home(home); !made) throw Failure{kExitLocal, made.error(), ""};
  const Result<PidFile> pid_file = PidFile::acquire(home.run_dir() + "/up.pid", "muster up");
  if (!pid_file) {
    throw Failure{kExitLocal, pid_file.error(),
                  "one is enough; another home can be chosen with --home"};
  }
  session.set_role(Role::admin);  // for the inventory
  return Up(session, options).run();
}

}  // namespace muster
