// The home of a muster installation on one machine: where every file lies. `muster up` makes it.
//
//   HOME/muster.yaml              configuration (optional; io/config.h)
//   HOME/run/broker.sock          the broker's ipc endpoint
//   HOME/run/{broker,collector,up}.pid   pid files, locked while the process lives; a worker's is
//                                        HOME/worker/NAME/worker.pid
//   HOME/logs/                    the daemons' logs, and what they print (io/logging.h)
//   HOME/broker/                  the event log
//   HOME/worker/NAME/             spool.db, attempts/<guid>/<attempt>/ (workers/attempt_files.h),
//                                 running/, run.sock
//   HOME/keys/                    NAME.key, NAME.pub (io/curve.h), allowed (core/access.h)
//   HOME/collector/               sink state, ledger.db, dead/SINK.jsonl
//   (collectors/dead_letters.h) HOME/results/<guid>/status.log HOME/archive/                 logs
//   and artifacts of all attempts (io/archive_store.h) HOME/run/collector.http       the
//   collector's HTTP, as a Unix socket HOME/strategies/, HOME/inventory.yaml  nothing of ours:
//   people keep these where they like
#pragma once

#include <string>

#include "core/result.h"

namespace muster {

struct Home {
  std::string dir;  // absolute

  std::string config_file() const { return dir + "/muster.yaml"; }
  std::string run_dir() const { return dir + "/run"; }
  std::string logs_dir() const { return dir + "/logs"; }
  std::string broker_dir() const { return dir + "/broker"; }
  std::string worker_dir(const std::string& name) const { return dir + "/worker/" + name; }
  std::string collector_dir() const { return dir + "/collector"; }
  std::string ledger_file() const { return dir + "/collector/ledger.db"; }
  std::string dead_letters_dir() const { return dir + "/collector/dead"; }
  std::string results_dir() const { return dir + "/results"; }
  std::string keys_dir() const { return dir + "/keys"; }
  std::string archive_dir() const { return dir + "/archive"; }
  std::string http_socket() const { return run_dir() + "/collector.http"; }
  std::string default_endpoint() const { return "ipc://" + run_dir() + "/broker.sock"; }
};

// --home, else $MUSTER_HOME, else $XDG_STATE_HOME/muster, else ~/.local/state/muster. Made
// absolute.
Result<Home> resolve_home(const std::string& flag);

// Makes the directories (mode 0700 for HOME). The reason names the path, errno's text and what to
// do.
Result<Done> make_home(const Home& home);

}  // namespace muster
