// A lab in which devices fail, and the jobs that want them verified first.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/rest.h"
#include "tests/core/lab_in_hand.h"

namespace muster {

inline Ending make_pass() {
  return make_ending(Outcome::pass, Cause::none, StatusCode::ok, "", kZero, kZero);
}
inline Ending make_fail(const std::string& message = "adb: no answer") {
  return make_ending(Outcome::fail, Cause::device, StatusCode::failures, message, kZero, kZero);
}
inline Ending make_error(Cause cause, const std::string& message = "broken") {
  return make_ending(Outcome::error, cause, StatusCode::error, message, kZero, kZero);
}
// Of an attempt that never began.
inline Ending make_not_begun() {
  return make_ending(Outcome::error, Cause::worker, StatusCode::error, "no room", kNever, kZero);
}
inline Ending make_blame(const std::string& device) {
  Ending ending = make_error(Cause::peripheral, "the relay does not answer");
  ending.blame = device;
  return ending;
}

class ChainLab : public Lab {
 public:
  explicit ChainLab(const Inventory& inventory, uint32_t slots = 8) : Lab(inventory, slots) {}

  // The state can be folded from the log, here and not only at the end.
  void check_fold() const {
    BrokerCore folded(options());
    for (const Event& event : log) folded.apply(event);
    EXPECT_EQ(folded.hard_digest(), core.hard_digest()) << "after event " << log.size();
  }
  void submit_and_dispatch(const TaskSpec& spec) {
    submit({spec});
    EXPECT_EQ(answer<SubmitReply>().results.at(0).refused, "") << spec.guid;
    dispatch();
    check_fold();
  }
  // A job on `requests` that wants its devices verified.
  TaskSpec job(size_t number, const std::string& requests, VerifyFirst verify,
               bool repair = false) const {
    TaskSpec spec = make_task(number, requests);
    spec.name = "suite";
    spec.submitter = "ann@host";
    spec.before.verify = verify;
    spec.before.repair = repair;
    return spec;
  }
  TaskSpec check(size_t number, const std::string& device, TaskKind kind = TaskKind::verify) const {
    TaskSpec spec = make_task(number, device);
    spec.kind = kind;
    return spec;
  }
  // The live attempt of the task begins and ends so.
  void end_task(const std::string& guid, const Ending& ending) {
    const TaskInfo info = core.task_info(guid).value();
    ASSERT_FALSE(info.attempts.empty() || info.attempts.back().ending) << guid << " does not run";
    const AttemptToken token{guid, info.attempt_count};
    report(info.attempts.back().worker, token, AttemptStarted{});
    report(info.attempts.back().worker, token, ending);
    check_fold();
    dispatch();
    check_fold();
  }
  // Submits a verification of the device by name, which ends so. `level`: empty: a whole one.
  void verify(size_t number, const std::string& device, const Ending& ending,
              const std::string& level = "") {
    TaskSpec spec = check(number, device);
    spec.work = make_work(VerifyWork{level});
    submit_and_dispatch(spec);
    end_task(guid_of(number), ending);
  }
  void cancel(const std::string& guid) {
    hear("p", Cancel{{guid}, "enough", "kim"});
    check_fold();
    dispatch();
    check_fold();
  }

  // Verifications and repairs submitted for the job, oldest first.
  std::vector<TaskSpecPtr> children(size_t number) const {
    std::vector<TaskSpecPtr> found;
    for (const Event& event : log) {
      const auto* submitted = std::get_if<TaskSubmitted>(&event.body);
      if (submitted && submitted->spec->parent == guid_of(number)) found.push_back(submitted->spec);
    }
    return found;
  }
  // "verify a", "repair b", ... of the same.
  std::vector<std::string> child_words(size_t number) const {
    std::vector<std::string> words;
    for (const TaskSpecPtr& child : children(number)) {
      words.push_back(std::string(to_string(child->kind)) + " " + child->devices[0].name);
    }
    return words;
  }
  void end_child(size_t number, const Ending& ending) {
    ASSERT_FALSE(children(number).empty()) << "no child";
    end_task(children(number).back()->guid, ending);
  }
  TaskInfo task(size_t number) const { return core.task_info(guid_of(number)).value(); }
  TaskState state(size_t number) const { return task(number).state; }
  DeviceInfo device(const std::string& name) {
    hear("p", ListDevices{"", name});
    return answer<DeviceList>().devices.at(0);
  }
  // What became of a change by kim: empty, or why not.
  std::string changed(const std::string& name, DeviceChange what) {
    hear("a", ChangeDevices{{name}, what, "no charge", "kim"});
    const std::string refused = answer<ChangeDevicesReply>().results.at(0).refused;
    dispatch();
    check_fold();
    return refused;
  }
  // Worker w1 is not heard any more, and is given up; w2 is there.
  void lose_w1() {
    for (Duration passed{0}; passed <= rest_silence_max(kLeaseDefault); passed += kBeatDefault) {
      pass(kBeatDefault);
      Sync sync = make_sync();
      sync.full = false;
      hear("w2", sync);
      hear("p", Beat{});
    }
    take(Tick{});
    dispatch();
    check_fold();
  }
  // The workers stay connected while this time passes.
  void pass_alive(Duration duration) {
    const Instant end = now + duration;
    while (now < end) {
      pass(std::min<Duration>(end - now, kBeatDefault * 4));
      for (const std::string worker : {"w1", "w2"}) {
        Sync sync = make_sync();
        sync.full = false;
        hear(worker, sync);
        hear("p", Beat{});
      }
      take(Tick{});
      dispatch();
    }
    check_fold();
  }
};

}  // namespace muster
