// What verify and repair tasks of many devices have found, folded from the event log.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "cli/render_result.h"
#include "core/event.h"

namespace muster {

class Findings {
 public:
  // One task for each device, in the same order.
  Findings(TaskKind kind, const std::vector<std::string>& devices,
           const std::vector<std::string>& guids);

  // The verification that ended with this event, or nullptr.
  const Verification* take(const Event& event);

  bool done() const { return ended_ == all_.size(); }
  const std::vector<Verification>& all() const { return all_; }

  // "verifying: 3 of 10 done, 2 good, 1 bad; phone-7: checked 3 of 9; phone-8".
  std::string progress() const;

  // The first that waits when none is held by a worker, else nullptr.
  const Verification* stuck() const;

 private:
  void end(Verification& verification, const Ending& ending, Verdict verdict);

  TaskKind kind_;
  std::vector<Verification> all_;
  std::map<std::string, size_t> index_;  // by GUID
  std::map<size_t, std::string> held_;   // leased or running, with their newest progress
  size_t ended_ = 0;
  size_t good_ = 0;
  size_t bad_ = 0;
};

}  // namespace muster
