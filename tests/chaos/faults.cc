#include "tests/chaos/faults.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "io/file.h"
#include "tests/support/processes.h"

namespace muster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kRestartMin = milliseconds(100);
constexpr Duration kBeyondLease = kChaosLease + seconds(4);

constexpr const char* kSupervisor = "muster-job";

}  // namespace

FaultTable::FaultTable(Lab& lab, Submitters& submitters, uint32_t seed)
    : lab_(lab), submitters_(submitters), random_(seed) {
  for (KeptDaemon* daemon : lab_.daemons()) add_of_daemon(daemon->name());
  for (const char* link : {"people", "collector"}) add_of_link(link);
  for (size_t i = 0; i < kWorkers; ++i) {
    const std::string worker = worker_name(i);
    add_of_link(worker);
    add_of_disk(worker, worker);
    add_of_worker(worker);
    add_of_supervisors(worker);
  }
  add_of_disk("broker", "broker");
  add_of_disk("collector", "collector");
  add_of_disk("results", "collector");
  add_of_others();
}

void FaultTable::add(std::string kind, std::string of, Duration least, Duration most, Begin begin,
                     std::function<void()> end) {
  faults_.push_back(
      {std::move(kind), std::move(of), least, most, std::move(begin), std::move(end)});
}

void FaultTable::add_of_daemon(const std::string& name) {
  add("kill -9 of a daemon", name, kRestartMin, seconds(3), [this, name](Duration length) {
    lab_.daemon(name).kill_now(lab_.now(), length);
    return true;
  });
  add(
      "SIGSTOP for longer than a lease", name, kChaosLease + seconds(1), kBeyondLease,
      [this, name](Duration) {
        lab_.daemon(name).signal(SIGSTOP);
        return true;
      },
      [this, name] { lab_.daemon(name).signal(SIGCONT); });
  add("clock step, seen at a restart", name, kRestartMin, seconds(1),
      [this, name](Duration length) {
        lab_.set_clock(name, seconds(int64_t(random_() % 7200) - 3600));
        lab_.daemon(name).kill_now(lab_.now(), length);
        return true;
      });
}

void FaultTable::add_of_link(const std::string& name) {
  add_weather("partition", name, Weather::cut, seconds(1), kBeyondLease);
  add_weather("loss of 30 percent", name, Weather::lossy, seconds(2), seconds(8));
  add_weather("delay of 500 ms", name, Weather::slow, seconds(2), seconds(8));
  for (const Link::End end : {Link::End::dialler, Link::End::broker}) {
    add(
        "half-open connections", name, seconds(1), kBeyondLease,
        [this, name, end](Duration) {
          lab_.link(name).lose(end);
          return true;
        },
        [this, name] { lab_.link(name).mend(); });
  }
  add("connections reset", name, kRestartMin, kRestartMin, [this, name](Duration) {
    lab_.link(name).close_all();
    return true;
  });
}

void FaultTable::add_of_disk(const std::string& name, const std::string& user) {
  add(
      "disk full", name, seconds(2), kBeyondLease,
      [this, name](Duration) {
        lab_.keep_full(name);
        return true;
      },
      [this, name] { lab_.heal_disk(name); });
  add(
      "disk read-only", name, seconds(2), kBeyondLease,
      [this, name, user](Duration) {
        return eventually([&] {
          if (user.starts_with("w")) {
            lab_.power_off(user, kRestartMin);
          } else {
            lab_.daemon(user).kill_now(lab_.now(), kRestartMin);
          }
          return lab_.disk(name).make_read_only();
        });
      },
      [this, name] { lab_.heal_disk(name); });
}

void FaultTable::add_of_worker(const std::string& worker) {
  add("power off of a worker's machine", worker, kRestartMin, kBeyondLease,
      [this, worker](Duration length) {
        lab_.power_off(worker, length);
        return true;
      });
}

void FaultTable::add_of_supervisors(const std::string& worker) {
  add("kill -9 of a launcher", worker + "'s launcher", kRestartMin, kRestartMin,
      [this, worker](Duration) {
        for (const ProcessLook& look : all_processes()) {
          if (look.parent != lab_.daemon(worker).pid() || look.name != "muster-launcher") continue;
          return ::kill(look.pid, SIGKILL) == 0;
        }
        return false;
      });
  add("kill -9 of a supervisor", worker + "'s supervisor", kRestartMin, kRestartMin,
      [this, worker](Duration) {
        const std::vector<pid_t> pids = lab_.processes_of(worker, kSupervisor);
        return !pids.empty() && ::kill(pids[random_() % pids.size()], SIGKILL) == 0;
      });
  add(
      "SIGSTOP for longer than a lease", worker + "'s supervisors", kChaosLease + seconds(1),
      kBeyondLease, [this, worker](Duration) { return signal_supervisors(worker, SIGSTOP); },
      [this, worker] { signal_supervisors(worker, SIGCONT); });
}

void FaultTable::add_of_others() {
  add(
      "kill -9 of CouchDB", "couchdb", kRestartMin, seconds(3),
      [this](Duration) {
        lab_.couchdb().kill_now();
        return true;
      },
      [this] { lab_.couchdb().start_again(); });
  add("kill -9 of a submitter", "submitter", kRestartMin, kRestartMin, [this](Duration) {
    submitters_.hand_in();
    submitters_.tend(lab_.now());
    return submitters_.kill_one();
  });
  add("kill -9 of all daemons at once", "everything", kRestartMin, seconds(3),
      [this](Duration length) {
        for (KeptDaemon* daemon : lab_.daemons()) daemon->kill_now(lab_.now(), length);
        return true;
      });
}

void FaultTable::add_weather(const std::string& kind, const std::string& name, Weather weather,
                             Duration least, Duration most) {
  add(
      kind, name, least, most,
      [this, name, weather](Duration) {
        lab_.link(name).set(weather);
        return true;
      },
      [this, name] { lab_.link(name).set(Weather::fair); });
}

bool FaultTable::signal_supervisors(const std::string& worker, int signal) {
  const std::vector<pid_t> pids = lab_.processes_of(worker, kSupervisor);
  for (const pid_t pid : pids) ::kill(pid, signal);
  return !pids.empty();
}

Deck::Deck(const std::vector<Fault>& faults, uint32_t seed) : faults_(faults), random_(seed) {
  for (const Fault& fault : faults_) kinds_[fault.kind];
}

void Deck::shuffle(std::vector<size_t>& cards) {
  for (size_t i = cards.size(); i > 1; --i) std::swap(cards[i - 1], cards[random_() % i]);
}

size_t Deck::next() {
  if (cards_.empty()) {
    for (auto& [kind, left] : kinds_) {
      if (left.empty()) {
        for (size_t i = 0; i < faults_.size(); ++i) {
          if (faults_[i].kind == kind) left.push_back(i);
        }
        shuffle(left);
      }
      cards_.push_back(left.back());
      left.pop_back();
    }
    shuffle(cards_);
  }
  const size_t card = cards_.back();
  cards_.pop_back();
  return card;
}

std::vector<Dealt> Deck::deal() {
  std::vector<Dealt> round;
  const size_t wanted = 1 + random_() % 3;
  while (round.size() < wanted) {
    const size_t card = next();
    const bool again = std::any_of(round.begin(), round.end(), [&](const Dealt& dealt) {
      return faults_[dealt.fault].of == faults_[card].of;
    });
    if (again) {
      cards_.push_back(card);  // begins the next round
      break;
    }
    const Fault& fault = faults_[card];
    const auto spread = static_cast<uint64_t>((fault.most - fault.least).count()) + 1;
    round.push_back({card, milliseconds(random_() % 1500),
                     fault.least + Duration(static_cast<int64_t>(random_() % spread))});
  }
  return round;
}

}  // namespace muster
