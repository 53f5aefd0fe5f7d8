// What doctor found: one finding for each thing it looked at.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/messages.h"
#include "core/time.h"

namespace muster {

enum class Condition : uint8_t { ok, warn, fail };

struct Finding {
  std::string subject;  // "broker", "workers", ...
  Condition condition = Condition::ok;
  std::string text;    // what is so
  std::string advice;  // what to do; empty when it is ok
  bool operator==(const Finding&) const = default;
};

// "ok", "warn", "FAIL".
std::string_view to_string(Condition condition);

// What workers have still to bring to their archive, of attempts that have ended.
struct UploadBacklog {
  size_t attempts = 0;
  Instant oldest = kNever;  // when the first of them ended
};

// What doctor measured, apart from judging it, so that the judgement can be tested.
struct DoctorFacts {
  std::string home;
  std::string home_fault;  // why it cannot be written; empty: it can
  uint64_t free_bytes = 0;
  std::string free_fault;  // why it is unknown
  std::string logs_fault;  // why daemons cannot log there; empty: they can
  uint64_t logs_bytes = 0;

  std::string endpoint;
  bool insecure = false;       // tcp:// without keys
  std::string endpoint_fault;  // why the endpoint cannot be used (path too long, ...)
  std::string broker_fault;    // why the broker does not answer; empty: it does
  std::string version;         // of this program
  BrokerStatus broker;
  std::optional<LogState> log;  // nothing: the broker did not say
  std::vector<WorkerInfo> workers;
  std::vector<DeviceInfo> devices;

  bool collector_expected = true;  // false: the broker is another home's
  bool collector_runs = false;
  std::string ledger_fault;               // why its ledger cannot be read; empty: it can
  uint64_t ledger_cursor = 0;             // newest event in the ledger
  std::vector<std::string> sink_faults;   // "decibel: it refuses the token (7 events behind)"
  std::vector<std::string> dead_letters;  // "couchdb (2)", of the sinks that have some

  std::optional<UploadBacklog> uploads;  // of the home's workers; nothing: it has none

  Instant now;
  bool clock_synchronised = true;
};

std::vector<Finding> judge(const DoctorFacts& facts);

// 0, 1 when something failed, 69 when the broker does not answer.
int exit_status(const DoctorFacts& facts, const std::vector<Finding>& findings);

}  // namespace muster
