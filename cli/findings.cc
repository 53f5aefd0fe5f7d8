#include "cli/findings.h"

#include "cli/text.h"

namespace muster {
namespace {

constexpr size_t kNamesShown = 3;

}  // namespace

Findings::Findings(TaskKind kind, const std::vector<std::string>& devices,
                   const std::vector<std::string>& guids)
    : kind_(kind) {
  for (size_t i = 0; i < devices.size(); ++i) {
    Verification verification;
    verification.device = devices[i];
    verification.result.task.spec.guid = guids[i];
    verification.result.task.spec.kind = kind;
    verification.result.task.spec.name = devices[i];
    index_[guids[i]] = i;
    all_.push_back(std::move(verification));
  }
}

const Verification* Findings::take(const Event& event) {
  const auto at = index_.find(std::string(event_guid(event)));
  if (at == index_.end()) return nullptr;
  Verification& verification = all_[at->second];
  TaskInfo& task = verification.result.task;
  if (task.state == TaskState::ended) return nullptr;
  if (const auto* leased = std::get_if<AttemptLeased>(&event.body)) {
    task.state = TaskState::leased;
    task.attempt_count = leased->token.attempt;
    verification.result.cases.clear();  // an earlier attempt's findings are history
    held_[at->second].clear();
  } else if (const auto* said = std::get_if<AttemptReported>(&event.body)) {
    if (std::holds_alternative<AttemptStarted>(said->body)) task.state = TaskState::running;
    if (const auto* one = std::get_if<CaseResult>(&said->body)) {
      verification.result.cases.push_back(*one);
    } else if (const auto* progress = std::get_if<Progress>(&said->body)) {
      held_[at->second] = progress->text;
    }
  } else if (const auto* attempt = std::get_if<AttemptEnded>(&event.body)) {
    held_.erase(at->second);
    task.state = TaskState::queued;
    if (attempt->verdict != Verdict::none) end(verification, attempt->ending, attempt->verdict);
  } else if (const auto* ended = std::get_if<TaskEnded>(&event.body)) {
    end(verification, ended->ending, ended->verdict);
  }
  return task.state == TaskState::ended ? &verification : nullptr;
}

void Findings::end(Verification& verification, const Ending& ending, Verdict verdict) {
  TaskInfo& task = verification.result.task;
  task.state = TaskState::ended;
  task.ending = ending;
  task.verdict = verdict;
  ++ended_;
  const std::string health = verification_health(task);
  good_ += health == "good" ? 1 : 0;
  bad_ += health == "bad" ? 1 : 0;
}

std::string Findings::progress() const {
  std::string text = kind_ == TaskKind::repair ? "repairing: " : "verifying: ";
  text += std::to_string(ended_) + " of " + counted(all_.size(), "device") + " done";
  if (good_ > 0) text += ", " + std::to_string(good_) + " good";
  if (bad_ > 0) text += ", " + std::to_string(bad_) + " bad";
  if (ended_ > good_ + bad_) text += ", " + std::to_string(ended_ - good_ - bad_) + " not verified";
  size_t shown = 0;
  for (const auto& [index, progress] : held_) {
    if (shown++ == kNamesShown) return text + "; ...";
    text += "; " + printable(all_[index].device);
    if (!progress.empty()) text += ": " + printable(progress);
  }
  return text;
}

const Verification* Findings::stuck() const {
  if (!held_.empty()) return nullptr;
  for (const Verification& verification : all_) {
    if (verification.result.task.state == TaskState::queued) return &verification;
  }
  return nullptr;
}

}  // namespace muster
