#include "cli/render_result.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "cli/render_task.h"
#include "core/duration_text.h"
#include "core/guid.h"
#include "core/repair_ladder.h"
#include "io/clock.h"

namespace muster {
namespace {

// Text and attribute values of XML 1.0: its five special characters as entities, and without the
// characters that it cannot hold at all (C0 but TAB, LF, CR; U+FFFE and U+FFFF).
std::string xml(std::string_view text) {
  std::string out;
  const std::string clean = sanitize_utf8(text);
  for (size_t i = 0; i < clean.size(); ++i) {
    const char c = clean[i];
    const std::string_view three = std::string_view(clean).substr(i, 3);
    if (three == "\xEF\xBF\xBE" || three == "\xEF\xBF\xBF") {
      i += 2;
    } else if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (c == '\'') {
      out += "&apos;";
    } else if (c == '\n' || c == '\t' || c == '\r') {
      out += "&#" + std::to_string(static_cast<int>(c)) + ";";  // survives in an attribute
    } else if (static_cast<unsigned char>(c) >= 0x20) {
      out += c;
    }
  }
  return out;
}

std::string xml_seconds(Duration duration) {
  char text[40];
  std::snprintf(text, sizeof text, "%.6f", static_cast<double>(duration.count()) / 1e6);
  return text;
}

struct Tally {
  size_t tests = 0;
  size_t failures = 0;
  size_t errors = 0;
  size_t skipped = 0;
  Duration time{0};

  void count(Outcome outcome, Duration duration) {
    ++tests;
    failures += outcome == Outcome::fail;
    errors += outcome == Outcome::error;
    skipped += outcome == Outcome::skip;
    time += duration;
  }
  std::string attributes() const {
    return " tests=\"" + std::to_string(tests) + "\" failures=\"" + std::to_string(failures) +
           "\" errors=\"" + std::to_string(errors) + "\" skipped=\"" + std::to_string(skipped) +
           "\" time=\"" + xml_seconds(time) + "\"";
  }
};

// What stands inside a <testcase>; `type` says whose doing it was.
std::string junit_outcome(Outcome outcome, std::string_view type, std::string_view message) {
  const std::string attributes =
      " message=\"" + xml(message) + "\" type=\"" + std::string(type) + "\"/>";
  switch (outcome) {
    case Outcome::fail:
      return "<failure" + attributes;
    case Outcome::error:
      return "<error" + attributes;
    case Outcome::skip:
      return "<skipped message=\"" + xml(message) + "\"/>";
    case Outcome::pass:
      break;
  }
  return "";
}

std::string junit_case(const CaseResult& one, std::string_view type) {
  const std::string head = "    <testcase classname=\"" + xml(one.suite) + "\" name=\"" +
                           xml(one.name) + "\" time=\"" + xml_seconds(one.duration) + "\"";
  const std::string inside = junit_outcome(one.outcome, type, one.message);
  if (inside.empty()) return head + "/>\n";
  return head + ">" + inside + "</testcase>\n";
}

std::string junit_properties(const std::vector<std::pair<std::string, std::string>>& properties) {
  if (properties.empty()) return "";
  std::string out = "    <properties>\n";
  for (const auto& [name, value] : properties) {
    out += "      <property name=\"" + xml(name) + "\" value=\"" + xml(value) + "\"/>\n";
  }
  return out + "    </properties>\n";
}

// Whether the case is the fault by which the whole ended: one says what the other does. (Of a step
// that ran for too long both do, with the program's own words around.)
bool is_ending(const CaseResult& one, const Ending& ending) {
  if (one.outcome != ending.outcome || one.message.empty() || ending.message.empty()) return false;
  const std::string first = one.message.substr(0, one.message.find('\n'));
  return ending.message.find(first) != std::string::npos ||
         first.find(ending.message) != std::string::npos;
}

// Whether the cases tell what the task came to, so that it is not counted once more.
bool is_told(const TaskResult& result, const Ending& ending) {
  return std::any_of(result.cases.begin(), result.cases.end(), [&](const CaseResult& one) {
    switch (ending.outcome) {
      case Outcome::pass:
        return true;
      case Outcome::fail:
        return one.outcome == Outcome::fail || one.outcome == Outcome::error;
      case Outcome::skip:
        return one.outcome == Outcome::skip;
      case Outcome::error:
        break;
    }
    return is_ending(one, ending) || (ending.cause == Cause::test && one.outcome == Outcome::error);
  });
}

// The task's own end as a case, when its cases do not tell it.
std::optional<CaseResult> own_case(const TaskResult& result) {
  CaseResult own;
  own.suite = "muster";
  own.name = result.task.spec.name.empty() ? result.task.spec.guid : result.task.spec.name;
  if (!result.task.ending) {
    own.outcome = Outcome::error;
    own.message = "the task has not ended";
    return own;
  }
  const Ending& ending = *result.task.ending;
  if (is_told(result, ending)) return std::nullopt;
  own.outcome = ending.outcome;
  own.message = ending_text(ending);
  if (ending.started != kNever) own.duration = ending.finished - ending.started;
  return own;
}

constexpr size_t kSummaryDevicesMax = 20;

bool is_action(const Verification& verification, const CaseResult& one) {
  return verification.result.task.spec.kind == TaskKind::repair && one.suite == "repair";
}

bool says_bad(const CaseResult& one) {
  return one.outcome == Outcome::fail || one.outcome == Outcome::error;
}

// What a case says that is worth a line: a check that failed, an action that ran, or why one that
// the device needed did not.
std::optional<std::string> finding_of(const Verification& verification, const CaseResult& one,
                                      bool is_good) {
  if (!is_action(verification, one)) {
    return says_bad(one) ? std::optional(one.message) : std::nullopt;
  }
  if (one.outcome == Outcome::skip) {
    const bool is_news = !one.message.starts_with(kNotNeeded) &&
                         !(is_good && one.message.starts_with(kDoesNotApply));
    return is_news && !one.message.empty() ? std::optional(one.message) : std::nullopt;
  }
  const std::string took = " (" + format_duration(one.duration) + ")";
  if (one.outcome == Outcome::pass) return "repaired" + took;
  return "in vain" + took + (one.message.empty() ? "" : ": " + one.message);
}

}  // namespace

std::string render_result(const TaskResult& result, const Look& look) {
  std::string out = render_task_line(result.task, look);
  if (result.cases.empty()) {
    const bool ended = result.task.state == TaskState::ended;
    out += ended ? "no test cases were reported\n" : "no test cases were reported yet\n";
  } else {
    Table table({"SUITE", "CASE", "OUTCOME", "TIME", "MESSAGE"});
    for (const CaseResult& one : result.cases) {
      table.add({one.suite,
                 one.name,
                 {to_string(one.outcome), outcome_color(one.outcome)},
                 format_duration(one.duration),
                 one.message});
    }
    out += table.render(look);
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> result_properties(const TaskResult& result) {
  std::vector<std::pair<std::string, std::string>> properties;
  for (const auto& [key, value] : result.task.spec.metadata) properties.emplace_back(key, value);
  if (!result.task.attempts.empty()) {
    const AttemptInfo& last = result.task.attempts.back();
    properties.emplace_back("muster.attempt", std::to_string(last.attempt));
    properties.emplace_back("muster.worker", last.worker);
    for (const std::string& device : last.devices) {
      properties.emplace_back("muster.device", device);
    }
  }
  for (const SourceFetched& source : result.sources) {
    properties.emplace_back("muster.source", source.url);
    properties.emplace_back("muster.sha", source.sha);
  }
  return properties;
}

std::string render_junit(const TaskResult& result) {
  // Suites in the order of their first case.
  std::vector<std::string> suites;
  std::map<std::string, std::vector<std::string>> cases;
  std::map<std::string, Tally> tallies;
  Tally total;
  const auto add = [&](const CaseResult& one, std::string_view type) {
    if (!cases.contains(one.suite)) suites.push_back(one.suite);
    cases[one.suite].push_back(junit_case(one, type));
    tallies[one.suite].count(one.outcome, one.duration);
    total.count(one.outcome, one.duration);
  };
  const std::string_view cause = result.task.ending ? to_string(result.task.ending->cause) : "none";
  for (const CaseResult& one : result.cases) {
    const bool ends =
        result.task.ending && one.outcome == Outcome::error && is_ending(one, *result.task.ending);
    add(one, ends ? cause : "test");
  }
  if (const std::optional<CaseResult> own = own_case(result)) add(*own, cause);

  const std::string properties = junit_properties(result_properties(result));
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"" +
                    xml(result.task.spec.guid) + "\"" + total.attributes() + ">\n";
  for (const std::string& suite : suites) {
    out += "  <testsuite name=\"" + xml(suite) + "\"" + tallies[suite].attributes();
    const std::string started =
        result.task.ending ? format_rfc3339(result.task.ending->started) : "";
    if (!started.empty()) out += " timestamp=\"" + started + "\"";
    out += ">\n" + properties;
    for (const std::string& one : cases[suite]) out += one;
    out += "  </testsuite>\n";
  }
  return out + "</testsuites>\n";
}

std::string verification_health(const TaskInfo& task) {
  if (task.verdict == Verdict::pass || task.verdict == Verdict::flaky) return "good";
  if (task.verdict == Verdict::fail) return "bad";
  // Not a word about the device: it was not found out how it is.
  const bool is_device = task.ending && task.ending->cause == Cause::device;
  if (is_device) return "bad";
  return "not verified";
}

std::string verification_cause(const Verification& verification) {
  const TaskInfo& task = verification.result.task;
  if (verification_health(task) == "good") return "";
  const CaseResult* first = nullptr;
  size_t count = 0;
  for (const CaseResult& one : verification.result.cases) {
    if (!says_bad(one) || is_action(verification, one)) continue;
    if (count++ == 0) first = &one;
  }
  if (first == nullptr) return task.ending ? ending_text(*task.ending) : task_outcome(task);
  std::string text = first->name;
  if (!first->message.empty()) text += ": " + first->message;
  return count == 1 ? text : text + " (and " + std::to_string(count - 1) + " more)";
}

std::string render_verifications(const std::vector<Verification>& verifications, const Look& look) {
  Table table({"DEVICE", "HEALTH", "CHECK", "FINDING"});
  for (const Verification& verification : verifications) {
    const TaskInfo& task = verification.result.task;
    const std::string health = verification_health(task);
    const Color color = health == "good"  ? Color::good
                        : health == "bad" ? Color::bad
                                          : Color::doubt;
    std::vector<std::pair<std::string, std::string>> findings;
    size_t checks = 0;
    bool any_bad = false;
    for (const CaseResult& one : verification.result.cases) {
      const bool action = is_action(verification, one);
      checks += action ? 0 : 1;
      const std::optional<std::string> finding = finding_of(verification, one, health == "good");
      if (!finding) continue;
      any_bad = any_bad || !action;
      findings.emplace_back((action ? "repair." : "") + one.name, *finding);
    }
    if (health == "good") {
      findings.insert(findings.begin(), {"", counted(checks, "check")});
    } else if (!any_bad) {
      // A sick device has failing checks; without them the task's own end is the finding.
      findings.emplace_back("", task.ending ? ending_text(*task.ending) : task_outcome(task));
    }
    for (size_t i = 0; i < findings.size(); ++i) {
      table.add({i == 0 ? Cell(verification.device) : Cell(" "),
                 i == 0 ? Cell(health, color) : Cell(" "), findings[i].first, findings[i].second});
    }
  }
  return table.render(look);
}

std::string render_verification_summary(const std::vector<Verification>& verifications) {
  std::vector<const Verification*> rest;
  size_t bad = 0;
  for (const Verification& verification : verifications) {
    const std::string health = verification_health(verification.result.task);
    bad += health == "bad" ? 1 : 0;
    if (health != "good") rest.push_back(&verification);
  }
  std::string out = counted(verifications.size(), "device") + ": " +
                    std::to_string(verifications.size() - rest.size()) + " good";
  if (bad > 0) out += ", " + std::to_string(bad) + " bad";
  if (rest.size() > bad) out += ", " + std::to_string(rest.size() - bad) + " not verified";
  for (size_t i = 0; i < rest.size() && i < kSummaryDevicesMax; ++i) {
    out += "\n  " + printable(rest[i]->device + ": " + verification_cause(*rest[i])) +
           "\n    muster task trace " + printable(rest[i]->result.task.spec.guid);
  }
  if (rest.size() > kSummaryDevicesMax) {
    out +=
        "\n  and " + std::to_string(rest.size() - kSummaryDevicesMax) + " more: muster device ls";
  }
  return out;
}

}  // namespace muster
