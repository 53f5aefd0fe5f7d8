// Strategy files: verifiers and repair actions for one class of device (DESIGN section 5).
//
//   version: 1
//   kind: strategy
//   name: linux-host
//   for: { type: linux-host }            # a selector over profiles, as text or as a map
//   defaults: { timeout: 60s }
//   limits: { total: 30m }               # of one whole repair, closing actions not counted
//   verify:
//     - tag: space
//       description: The root file system has space
//       check: { disk: { path: /, free: 5% } }
//       deps: []
//       timeout: 5s
//       when: type=linux-host              # a selector over the device's profile; where it does
//                                          # not match, the verifier counts as passed
//       blame: "{stack.hub.name}"          # whose fault a failure is; else the device's own
//       levels: [quick]                    # verify levels that it belongs to, beside the whole
//   repair:
//     - tag: restart
//       run: { command: [./clean-up.sh] }
//       triggers: [space]
//       deps: []
//       timeout: 3m
//       when: "!fragile"
//       then: { wait: 5s }
//       attempts: 2                        # in one repair
//       per_day: 6                         # on one device
//   finally:
//     - { tag: collect, run: { command: [./collect.sh] }, when: failed, timeout: 2m }
//
// Checks, one to a verifier:
//   command: [PROGRAM, ARGUMENT...] or {shell: TEXT}
//   tcp:     {host, port, expect}        expect: what the server says first begins with this
//   ping:    {host, count}
//   ssh:     {command, host, port, user, key, known_hosts}
//   http:    {url, method, headers, body, status, contains}
//   adb:     {serial, state, server}
//   usb:     {vendor, product, serial, sysfs}
//   disk:    {path, free, inodes}        free: a size or N%; inodes: a number or N%
//   file:    {path, exists, writable, contains, max_age}
//   noop:    {}
// What an action runs, one of: command, ssh, http and noop as above, and
//   power:   {relay, operation}
//   wait:    DURATION
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
