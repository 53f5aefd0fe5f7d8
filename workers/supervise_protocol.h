// What a worker and the supervisor of one of its attempts say to each other: one message of words
// for each packet of a local socket (io/local_socket.h). Both are of one build or of two that
// follow each other: the worker is upgraded while supervisors go on. So words are added at the end
// and never change; a message that a side does not know is passed over.
//
//   supervisor -> worker
//     hello 1 ATTEMPT GUID     first of all: whose supervisor this is
//     grew BYTES               the journal has that many bytes of whole records
//     alive                    said every kSupervisorBeat, the first time after the hello: who has
//                              said it once and falls silent is stuck
//   worker -> supervisor
//     lease BOOT_US            the attempt may run until then (CLOCK_BOOTTIME, microseconds)
//     stop WHY HOW TEXT        end it. WHY: cancelled (a person asked), fenced (another may run),
//                              worker (an infrastructure fault). HOW: grace, at_once. TEXT: for
//                              people, to the end of the message
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "core/limits.h"
#include "core/task.h"
#include "core/time.h"

namespace muster {

struct SuperviseHello {
  AttemptToken token;
  bool operator==(const SuperviseHello&) const = default;
};
struct SuperviseGrew {
  uint64_t bytes = 0;
  bool operator==(const SuperviseGrew&) const = default;
};
struct SuperviseAlive {
  bool operator==(const SuperviseAlive&) const = default;
};
struct SuperviseLease {
  int64_t until_boot_us = 0;
  bool operator==(const SuperviseLease&) const = default;
};
enum class SuperviseWhy : uint8_t { cancelled, fenced, worker };
struct SuperviseStop {
  SuperviseWhy why = SuperviseWhy::worker;
  bool at_once = false;
  std::string text;
  bool operator==(const SuperviseStop&) const = default;
};
using SuperviseMessage =
    std::variant<SuperviseHello, SuperviseGrew, SuperviseLease, SuperviseStop, SuperviseAlive>;

inline constexpr size_t kSuperviseBytesMax = 2 * kMessageLengthMax;

// A supervisor says so often that it lives. One that says nothing for kSupervisorSilence is killed,
// with its job, when it has been stopped (SIGSTOP); one that is only busy (it collects what its job
// left, from a slow disk) when it has been silent for kSupervisorSilenceMax.
inline constexpr Duration kSupervisorBeat = std::chrono::seconds(4);
inline constexpr Duration kSupervisorSilence = std::chrono::seconds(10);
inline constexpr Duration kSupervisorSilenceMax = std::chrono::minutes(10);

// TEXT is cut at kMessageLengthMax.
std::string encode_supervise(const SuperviseMessage& message);
// Nothing for what is none of these.
std::optional<SuperviseMessage> decode_supervise(std::string_view bytes);

}  // namespace muster
