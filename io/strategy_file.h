// Strategy files: verifiers and repair actions for one class of device (DESIGN section 5).
//
//   version: 1
//   kind: strategy
//   name: linux-host
//   for: { type: linux-host }            # a selector over profiles, as text or as a map
//   defaults: { timeout: 60s }
//   verify:
//     - tag: space
//       description: The root file system has space
//       check: { disk: { path: /, free: 5% } }
//       deps: []
//       timeout: 5s
//   repair:                              # checked, not run yet: a warning says so
//     - { tag: restart, triggers: [space], run: { command: [./clean-up.sh] }, then: { wait: 5s } }
//   finally:
//     - { tag: collect, run: { command: [./collect.sh] }, when: failed }
//
// Checks, one to a verifier:
//   command: [PROGRAM, ARGUMENT...] or {shell: TEXT}
//   tcp:     {host, port, expect}        expect: what the server says first begins with this
//   disk:    {path, free, inodes}        free: a size or N%; inodes: a number or N%
//   file:    {path, exists, writable, contains, max_age}
//   noop:    {}
// A program with a relative path that has a slash is meant relative to the strategy file's folder.
#pragma once

#include <string>
#include <vector>

#include "core/strategy.h"
#include "io/object_reader.h"

namespace muster {

struct StrategyFile {
  Strategy strategy;  // checked when there are no errors
  Mark name_at;
  FileProblems problems;
};

StrategyFile load_strategy_file(const std::string& path);
// The same for text that was read already; `path` is for messages and for resolving.
StrategyFile parse_strategy_file(const std::string& text, const std::string& path);

// Every map of the format with its keys.
std::vector<NamedKeyTable> strategy_file_keys();

}  // namespace muster
