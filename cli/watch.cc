#include "cli/watch.h"

#include <algorithm>
#include <set>

#include "cli/lookup.h"
#include "core/limits.h"

namespace muster {
namespace {

constexpr Duration kTick = 100ms;
// A broker that beats every 2 s and says nothing for so long is worth a word.
constexpr Duration kSilenceWorthAWord = 10s;
// The ledger may be this far behind a broker that has already forgotten a task.
constexpr Duration kLedgerPatience = 10s;

bool same_step(const TaskChange& a, const TaskChange& b) {
  return a.state == b.state && a.attempt == b.attempt && a.worker == b.worker &&
         a.log_url == b.log_url;
}

TaskChange change_of(const TaskInfo& task) {
  TaskChange change;
  change.guid = task.spec.guid;
  change.state = task.state;
  change.attempt = task.attempt_count;
  change.verdict = task.verdict;
  change.ending = task.ending;
  if (!task.attempts.empty()) {
    change.worker = task.attempts.back().worker;
    change.log_url = task.attempts.back().log_url;
  }
  return change;
}

class Watcher {
 public:
  Watcher(Session& session, const std::vector<std::string>& guids, const WatchHooks& hooks)
      : session_(session), hooks_(hooks), pending_(guids.begin(), guids.end()) {}

  WatchResult run(std::optional<Duration> timeout) {
    const int64_t start_us = boot_us();
    renew();
    while (!pending_.empty()) {
      if (!hooks_.idle()) return finish(WatchEnd::left);
      if (timeout && boot_us() - start_us >= timeout->count()) return finish(WatchEnd::deadline);
      if (std::optional<Message> pushed = session_.broker().next_push(kTick)) take(*pushed);
      if (session_.broker().reconnected()) must_renew_ = true;
      if (must_renew_) renew();
      note_silence();
      look_up_unknown();
    }
    return finish(WatchEnd::ended);
  }

 private:
  WatchResult finish(WatchEnd end) { return {end, std::move(changes_)}; }

  // Asks the broker to tell about everything that has not ended.
  void renew() {
    const std::vector<std::string> guids(pending_.begin(), pending_.end());
    for (size_t at = 0; at < guids.size(); at += kGuidsPerRequestMax) {
      const size_t end = std::min(at + kGuidsPerRequestMax, guids.size());
      const Watch watch{{guids.begin() + static_cast<std::ptrdiff_t>(at),
                         guids.begin() + static_cast<std::ptrdiff_t>(end)}};
      std::variant<Message, ClientError> answer = session_.broker().ask(watch, 2s);
      if (const auto* error = std::get_if<ClientError>(&answer)) {
        const bool is_final =
            error->fault == ClientFault::refused || error->fault == ClientFault::kept_out;
        if (is_final) throw to_failure(*error, session_.endpoint());
        must_renew_ = true;  // away again: the next round asks once more
        return;
      }
      take(std::get<Message>(answer));
    }
    must_renew_ = false;
  }

  void take(const Message& message) {
    const auto* news = std::get_if<TaskNews>(&message);
    if (news == nullptr) return;
    for (const TaskChange& change : news->changes) take_change(change);
    for (const std::string& guid : news->unknown) {
      if (pending_.contains(guid)) unknown_since_us_.try_emplace(guid, boot_us());
    }
  }

  void take_change(const TaskChange& change) {
    if (!pending_.contains(change.guid)) return;
    const auto [at, is_new] = changes_.try_emplace(change.guid, change);
    if (!is_new && same_step(at->second, change)) return;
    at->second = change;
    unknown_since_us_.erase(change.guid);
    if (change.state == TaskState::ended) pending_.erase(change.guid);
    hooks_.change(change);
  }

  // What the broker has forgotten is in the ledger, or will be soon.
  void look_up_unknown() {
    if (unknown_since_us_.empty()) return;
    const std::map<std::string, int64_t> unknown = unknown_since_us_;
    for (const auto& [guid, since_us] : unknown) {
      const std::optional<TaskInfo> task = task_of_ledger(session_, guid);
      if (task && task->state == TaskState::ended) {
        take_change(change_of(*task));
      } else if (session_.ledger() == nullptr || boot_us() - since_us > kLedgerPatience.count()) {
        throw Failure{kExitUsageError, "no task " + printable(guid) + " is known",
                      "see: muster task ls --all"};
      }
    }
  }

  void note_silence() {
    const bool silent = session_.broker().silence() > kSilenceWorthAWord;
    if (silent && !told_silent_) {
      session_.output().talk("the broker at " + session_.endpoint() +
                             " is silent; still waiting for it and for the task");
    }
    if (!silent && told_silent_) session_.output().talk("the broker is back");
    told_silent_ = silent;
  }

  Session& session_;
  const WatchHooks& hooks_;
  std::set<std::string> pending_;
  std::map<std::string, TaskChange> changes_;
  std::map<std::string, int64_t> unknown_since_us_;
  bool must_renew_ = false;
  bool told_silent_ = false;
};

}  // namespace

WatchResult watch_tasks(Session& session, const std::vector<std::string>& guids,
                        std::optional<Duration> timeout, const WatchHooks& hooks) {
  return Watcher(session, guids, hooks).run(timeout);
}

TaskInfo task_after_watch(Session& session, const TaskChange& change) {
  std::variant<Message, ClientError> answer =
      session.broker().ask(ShowTask{change.guid}, Session::kAskTimeout);
  if (auto* message = std::get_if<Message>(&answer)) {
    if (auto* task = std::get_if<TaskInfo>(message)) return std::move(*task);
  }
  if (std::optional<TaskInfo> task = task_of_ledger(session, change.guid)) return std::move(*task);
  TaskInfo task;
  task.spec.guid = change.guid;
  task.state = change.state;
  task.verdict = change.verdict;
  task.ending = change.ending;
  task.attempt_count = change.attempt;
  return task;
}

}  // namespace muster
