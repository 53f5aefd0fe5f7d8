// A device as the ledger knows it: what it was said to be last, its health, and who held it last.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/device.h"
#include "io/ledger_reader.h"

namespace muster {

struct LedgerDevice {
  std::string name;
  bool is_declared = false;                  // by the newest inventory
  std::vector<std::string> workers;          // whose listers find it at present; by name
  std::string strategy;                      // as an inventory said last; may be empty
  std::string model;                         // likewise, of its profile, else the profile's type
  std::optional<LedgerJudgement> judgement;  // the newest; nothing: its health is unknown
  std::optional<LedgerUse> last;             // the newest attempt that held it
  uint64_t attempts = 0;                     // that held it
};

struct LedgerDeviceFilter {
  std::optional<DeviceHealth> health;
  std::string strategy;             // empty: any
  std::string model;                // empty: any
  std::optional<bool> is_declared;  // by the newest inventory
  std::string name;                 // this one only; empty: all
  std::string after;                // those whose names come after this
  uint32_t max = 100;
};

// How often attempts of a kind that held a device have ended so.
struct LedgerUseCount {
  TaskKind kind = TaskKind::job;
  std::optional<Outcome> outcome;  // nothing: it has not ended
  uint64_t attempts = 0;
};

}  // namespace muster
