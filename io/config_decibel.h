// Where results of tasks go as documents of deciBel, and whether this collector takes such: the
// part `decibel` of muster.yaml (docs/decibel.md).
//
//   decibel: { url: "https://decibel.lab/api/test-results/v1/", token_file: decibel.token,
//              kinds: [job], sw: "fw 1.2", team: radio, framework: muster, origin: lund,
//              receive: true, keep: 365d, max: 100000, enabled: true }
#pragma once

#include <set>
#include <string>

#include "core/task.h"
#include "core/time.h"
#include "io/home.h"
#include "io/object_reader.h"

namespace muster {

// A year, and about a gigabyte of runs with a hundred cases.
inline constexpr Duration kDecibelKeepDefault = std::chrono::days(365);
inline constexpr uint64_t kDecibelRunsDefault = 100'000;
// A document that is gone would be taken again when its sender repeats it.
inline constexpr Duration kDecibelKeepMin = std::chrono::hours(1);
inline constexpr uint64_t kDecibelRunsMax = 10'000'000;

struct DecibelConfig {
  bool enabled = false;  // documents are sent
  bool receive = false;  // documents are taken
  // Of those that were taken: for how long, and how many (collectors/decibel_store.h).
  Duration keep = kDecibelKeepDefault;
  uint64_t runs_max = kDecibelRunsDefault;
  // http, https or http+unix, without a name and a password. Where only `receive` is said: the
  // receiver of this collector.
  std::string url;
  std::string token_file;     // absolute; of a bearer token; empty: none
  std::string user;           // of basic authentication; empty: nobody in particular
  std::string password_file;  // absolute; empty: no password
  std::string ca_file;        // absolute; of https, instead of the system's certificates
  std::set<TaskKind> kinds = {TaskKind::job};
  // Of runs whose task says nothing else.
  std::string sw;
  std::string team;
  std::string framework = "muster";
  std::string origin;
};

// The value of `decibel` over what `config` says already.
void read_decibel(const ObjectReader& reader, const Home& home, DecibelConfig& config);

// What stands in token_file and in password_file; "" where none is named.
struct DecibelSecrets {
  std::string token;
  std::string password;
};
Result<DecibelSecrets> load_decibel_secrets(const DecibelConfig& config);

const KeyTable& decibel_keys();

}  // namespace muster
