// What a process needs for its tcp:// endpoints, by its configuration: its key pair, the public key
// of the broker, the gate. There is no way to tcp:// around this but `insecure: true`.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/access.h"
#include "io/config.h"
#include "io/curve.h"
#include "io/home.h"
#include "io/key_gate.h"

namespace muster {

struct CurveNeeds {
  std::string who;                   // "the broker", for errors
  std::string key;                   // file of its key pair
  std::string server;                // the broker's public key, or a file that has it
  std::string dials;                 // an endpoint; empty: it dials nobody
  std::vector<std::string> listens;  // endpoints
  RoleSet admits = 0;                // who may connect to them, of those who are allowed
};

struct CurveParts {
  CurvePtr curve;                 // null: none of the endpoints needs it
  std::shared_ptr<KeyGate> gate;  // of `listens`; null: none of them needs it
  bool insecure = false;          // some would, but for `insecure: true`
};

// The error says what is missing and which command makes it (exit status 64).
Result<CurveParts> open_curve(const Config& config, const CurveNeeds& needs);

// For a log and for people: what `insecure: true` means.
std::string insecure_warning();

}  // namespace muster
