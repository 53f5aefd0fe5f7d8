#include "collectors/decibel_report.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "collectors/decibel_results.h"
#include "core/guid.h"
#include "core/join.h"
#include "io/archive_name.h"
#include "io/decibel_xml.h"

namespace muster {
namespace {

constexpr std::string_view kAttemptSuite = "muster.attempt";
constexpr std::string_view kAttemptPackage = "muster";
constexpr std::string_view kAttemptCase = "attempt";
constexpr size_t kSeqDigits = 16;

std::string fit(std::string_view text, size_t bytes_max = kDecibelFieldBytesMax) {
  return cut_text(sanitize_utf8(text), bytes_max);
}

std::string metadata_or(const Metadata& metadata, const char* key, const std::string& fallback) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? fallback : fit(found->second);
}

// What became of an attempt, as a suite with one case.
struct AttemptSuite {
  DecibelSuite suite;
  std::optional<DecibelCase> test;  // nothing: it was skipped
};

AttemptSuite make_attempt_suite(DecibelAttempt attempt) {
  AttemptSuite made;
  if (attempt.end == kNever) {
    attempt.result = DecibelResult::error;
    attempt.message = "how it ended is not known";
  }
  made.suite.name = kAttemptSuite;
  made.suite.hw = attempt.hw;
  made.suite.iteration = attempt.number;
  made.suite.start = attempt.start;
  made.suite.end = attempt.end;
  made.suite.log_link = attempt.log_link;
  made.suite.totals = attempt.unlisted;
  if (!attempt.result) {
    ++made.suite.totals.skipped;
  } else {
    ++made.suite.totals.of(*attempt.result);
    made.test.emplace();
    made.test->package = kAttemptPackage;
    made.test->name = kAttemptCase;
    made.test->result = *attempt.result;
    const bool is_timed = attempt.start != kNever && attempt.end > attempt.start;
    if (is_timed) made.test->time = attempt.end - attempt.start;
    made.test->info = attempt.message;
  }
  made.suite.result = derive_result(made.suite.totals);
  return made;
}

}  // namespace

std::string decibel_key(std::string_view log_id, uint64_t seq) {
  std::string digits = std::to_string(seq);
  if (digits.size() < kSeqDigits) digits.insert(0, kSeqDigits - digits.size(), '0');
  return std::string(log_id) + ":" + digits;
}

Result<std::optional<DecibelReport::Document>> DecibelReport::take(const SequencedEvent& at,
                                                                   const std::string& log_id) {
  const EventBody& body = at.event.body;
  Result<Done> done = Done{};
  if (const auto* submitted = std::get_if<TaskSubmitted>(&body)) {
    done = note_submitted(*submitted->spec);
  } else if (const auto* leased = std::get_if<AttemptLeased>(&body)) {
    done = note_leased(*leased, at.event.time);
  } else if (const auto* report = std::get_if<AttemptReported>(&body)) {
    done = note_report(*report, at.seq);
  } else if (const auto* retried = std::get_if<TaskRetried>(&body)) {
    done = note_retried(*retried, at.seq);
  } else if (const auto* ended = std::get_if<AttemptEnded>(&body)) {
    done = note_attempt_ended(*ended, at.event.time);
    if (done.ok() && ended->verdict != Verdict::none) {
      return end_task(ended->token.guid, ended->verdict, ended->ending, at, log_id);
    }
  } else if (const auto* task = std::get_if<TaskEnded>(&body)) {
    return end_task(task->guid, task->verdict, task->ending, at, log_id);
  }
  if (!done.ok()) return Error{done.error()};
  return std::optional<Document>();
}

Result<std::optional<DecibelReport::Document>> DecibelReport::take_again(
    const SequencedEvent& at, const std::string& log_id) {
  Result<std::optional<DecibelTask>> task = find_ended_by(at);
  if (!task.ok()) return Error{task.error()};
  if (!*task) return std::optional<Document>();
  return take(at, log_id);
}

Result<std::optional<DecibelTask>> DecibelReport::find_ended_by(const SequencedEvent& at) {
  const auto* ended = std::get_if<AttemptEnded>(&at.event.body);
  const bool ends_a_task = std::holds_alternative<TaskEnded>(at.event.body) ||
                           (ended != nullptr && ended->verdict != Verdict::none);
  if (!ends_a_task) return std::optional<DecibelTask>();
  Result<std::optional<DecibelTask>> task = spool_.find(event_guid(at.event));
  const bool is_other = task.ok() && *task && ((*task)->ended != 0 || (*task)->reopened > at.seq);
  if (is_other) return std::optional<DecibelTask>();
  return task;
}

Result<Done> DecibelReport::note_refused(const SequencedEvent& at) {
  if (!std::holds_alternative<AttemptEnded>(at.event.body)) return Done{};
  return spool_.put_refused_end(event_guid(at.event), at);
}

Result<Done> DecibelReport::drop(const SequencedEvent& at) {
  Result<std::optional<DecibelTask>> task = find_ended_by(at);
  if (!task.ok()) return Error{task.error()};
  if (!*task) return Done{};
  (*task)->ended = at.seq;
  if (Result<Done> put = spool_.put(**task); !put.ok()) return put;
  return spool_.clear(**task);
}

Result<Done> DecibelReport::note_submitted(const TaskSpec& spec) {
  Result<DecibelTask> task = spool_.find_or_add(spec.guid);
  if (!task.ok()) return Error{task.error()};
  task->kind = spec.kind;
  DecibelRun& run = task->run;
  run.name = fit(spec.name);
  run.user = metadata_or(spec.metadata, "user", fit(spec.submitter));
  run.sw = metadata_or(spec.metadata, "sw", defaults_.sw);
  run.team = metadata_or(spec.metadata, "team", defaults_.team);
  run.framework = metadata_or(spec.metadata, "framework", defaults_.framework);
  run.origin = metadata_or(spec.metadata, "origin", defaults_.origin);
  run.comment = metadata_or(spec.metadata, "comment", "");
  task->hw = metadata_or(spec.metadata, "hw", "");
  return spool_.put(*task);
}

Result<std::optional<DecibelTask>> DecibelReport::find_open(std::string_view guid) {
  Result<DecibelTask> task = spool_.find_or_add(guid);
  if (!task.ok()) return Error{task.error()};
  const bool is_open = task->ended == 0 && kinds_.contains(task->kind);
  return is_open ? std::optional(std::move(*task)) : std::nullopt;
}

Result<Done> DecibelReport::note_leased(const AttemptLeased& leased, Instant time) {
  Result<std::optional<DecibelTask>> found = find_open(leased.token.guid);
  if (!found.ok()) return Error{found.error()};
  if (!*found) return Done{};
  DecibelTask& task = **found;
  if (task.run.start == kNever) task.run.start = time;
  task.run.iterations = std::max<uint64_t>(task.run.iterations, leased.token.attempt);
  if (Result<Done> put = spool_.put(task); !put.ok()) return put;
  Result<DecibelAttempt> attempt = spool_.attempt(task.id, leased.token.attempt);
  if (!attempt.ok()) return Error{attempt.error()};
  const std::string devices = leased.devices.empty() ? leased.worker : join(leased.devices, ", ");
  attempt->hw = task.hw.empty() ? fit(devices) : task.hw;
  attempt->start = time;
  return spool_.put_attempt(task.id, *attempt);
}

Result<Done> DecibelReport::note_report(const AttemptReported& report, uint64_t seq) {
  const auto* started = std::get_if<AttemptStarted>(&report.body);
  const auto* test = std::get_if<CaseResult>(&report.body);
  const auto* source = std::get_if<SourceFetched>(&report.body);
  if (started == nullptr && test == nullptr && source == nullptr) return Done{};
  Result<std::optional<DecibelTask>> found = find_open(report.token.guid);
  if (!found.ok()) return Error{found.error()};
  if (!*found) return Done{};
  DecibelTask& task = **found;
  if (source != nullptr) {
    task.run.git_url = fit(without_credentials(source->url));
    task.run.git_sha1 = fit(source->sha);
    return spool_.put(task);
  }
  if (started != nullptr) {
    Result<DecibelAttempt> attempt = spool_.attempt(task.id, report.token.attempt);
    if (!attempt.ok()) return Error{attempt.error()};
    attempt->log_link = fit(without_credentials(started->log_url));
    return spool_.put_attempt(task.id, *attempt);
  }
  DecibelCase listed;
  listed.package = fit(test->suite);
  listed.name = fit(test->name);
  listed.time = std::max(test->duration, Duration(0));
  const std::optional<DecibelResult> result = decibel_result(test->outcome, task.kind);
  if (result) listed.info = fit(test->message, kDecibelTextBytesMax);
  return spool_.add_case(task.id, report.token.attempt, seq, listed, result, report.time);
}

Result<Done> DecibelReport::note_retried(const TaskRetried& retried, uint64_t seq) {
  const Result<std::vector<SequencedEvent>> refused = spool_.take_refused_ends(retried.guid, seq);
  if (!refused.ok()) return Error{refused.error()};
  for (const SequencedEvent& at : *refused) {
    const auto* ended = std::get_if<AttemptEnded>(&at.event.body);
    if (ended == nullptr) continue;
    Result<Done> noted = note_attempt_ended(*ended, at.event.time);
    if (!noted.ok()) return noted;
  }
  Result<DecibelTask> task = spool_.find_or_add(retried.guid);
  if (!task.ok()) return Error{task.error()};
  task->ended = 0;
  task->reopened = seq;
  task->run.start = kNever;
  return spool_.put(*task);
}

Result<Done> DecibelReport::note_attempt_ended(const AttemptEnded& ended, Instant time) {
  Result<std::optional<DecibelTask>> found = find_open(ended.token.guid);
  if (!found.ok()) return Error{found.error()};
  if (!*found) return Done{};
  DecibelTask& task = **found;
  Result<DecibelAttempt> attempt = spool_.attempt(task.id, ended.token.attempt);
  if (!attempt.ok()) return Error{attempt.error()};
  const Ending& ending = ended.ending;
  if (ending.started != kNever) attempt->start = ending.started;
  attempt->end = ending.finished != kNever ? ending.finished : time;
  attempt->result = decibel_result(ending, task.kind);
  attempt->message = fit(ending.message, kDecibelTextBytesMax);
  return spool_.put_attempt(task.id, *attempt);
}

Result<std::optional<DecibelReport::Document>> DecibelReport::end_task(std::string_view guid,
                                                                       Verdict verdict,
                                                                       const Ending& ending,
                                                                       const SequencedEvent& at,
                                                                       const std::string& log_id) {
  Result<DecibelTask> task = spool_.find_or_add(guid);
  if (!task.ok()) return Error{task.error()};
  std::optional<Document> document;
  const std::optional<DecibelResult> result = decibel_result(verdict, ending, task->kind);
  if (result && task->ended == 0 && kinds_.contains(task->kind)) {
    document.emplace();
    document->key = decibel_key(log_id, at.seq);
    DecibelRun run = task->run;
    run.key = document->key;
    run.end = at.event.time;
    if (run.start == kNever) run.start = run.end;
    run.info = fit(ending.message, kDecibelTextBytesMax);
    run.result = result;
    Result<std::string> xml = write(*task, run);
    if (!xml.ok()) return Error{xml.error()};
    document->xml = std::move(*xml);
    task->run.supersedes = document->key;
  }
  if (task->ended == 0) task->ended = at.seq;
  if (Result<Done> put = spool_.put(*task); !put.ok()) return Error{put.error()};
  if (Result<Done> cleared = spool_.clear(*task); !cleared.ok()) return Error{cleared.error()};
  return document;
}

Result<std::string> DecibelReport::write(const DecibelTask& task, const DecibelRun& run) {
  DecibelXmlWriter xml;
  xml.begin_run(run);
  size_t attempts = 0;
  const auto add_suites = [&](const DecibelAttempt& attempt) {
    ++attempts;
    const AttemptSuite own = make_attempt_suite(attempt);
    xml.begin_suite(own.suite);
    if (own.test) xml.add_case(*own.test);
    xml.end_suite();
    return spool_.each_suite(task.id, attempt.number, [&](const DecibelSuite& of_cases) {
      DecibelSuite suite = of_cases;
      suite.hw = attempt.hw;
      suite.iteration = attempt.number;
      suite.log_link = attempt.log_link;
      suite.result = derive_result(suite.totals);
      xml.begin_suite(suite);
      Result<Done> done = spool_.each_case(task.id, attempt.number, suite.name,
                                           [&](const DecibelCase& test) { xml.add_case(test); });
      xml.end_suite();
      return done;
    });
  };
  Result<Done> done = spool_.each_attempt(task.id, add_suites);
  if (!done.ok()) return Error{done.error()};
  if (attempts == 0) {
    DecibelAttempt none;  // the task ended before there was any
    none.hw = task.hw;
    none.start = run.start;
    none.end = run.end;
    none.result = run.result;
    none.message = run.info;
    const AttemptSuite own = make_attempt_suite(none);
    xml.begin_suite(own.suite);
    xml.add_case(*own.test);
    xml.end_suite();
  }
  xml.end_run();
  return xml.take();
}

}  // namespace muster
