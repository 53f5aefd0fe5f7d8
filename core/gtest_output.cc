#include "core/gtest_output.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "core/duration_text.h"
#include "core/guid.h"
#include "core/limits.h"

namespace muster {
namespace {

constexpr std::string_view kRun = "[ RUN      ] ";
constexpr std::string_view kOk = "[       OK ] ";
constexpr std::string_view kFailed = "[  FAILED  ] ";
constexpr std::string_view kSkipped = "[  SKIPPED ] ";
constexpr std::string_view kRunning = "[==========] Running ";

// A line keeps its beginning and its end; both ends of a case fit into either.
constexpr size_t kLineHead = 6 << 10;
constexpr size_t kLineTail = 2 << 10;
constexpr size_t kLineMax = 16 << 10;

// `line` without the escape sequences that colour it.
std::string without_escapes(std::string_view line) {
  std::string out;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\x1b') {
      out += line[i];
      continue;
    }
    if (i + 1 == line.size() || line[i + 1] != '[') continue;
    i += 2;
    while (i < line.size() && (line[i] < '@' || line[i] > '~')) ++i;
  }
  while (!out.empty() && out.back() == '\r') out.pop_back();
  return out;
}

// "(12 ms)" at the end of what follows a case's name.
std::optional<Duration> duration_of(std::string_view rest) {
  const size_t open = rest.rfind('(');
  if (open == std::string_view::npos || !rest.ends_with(" ms)")) return std::nullopt;
  const std::string_view digits = rest.substr(open + 1, rest.size() - open - 5);
  uint64_t ms = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), ms);
  if (fault != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return std::chrono::milliseconds(std::min<uint64_t>(ms, kTimeUsMax / 1'000));
}

std::pair<std::string, std::string> split_name(std::string_view full) {
  const size_t dot = full.find('.');
  if (dot == std::string_view::npos) return {"", std::string(full)};
  return {std::string(full.substr(0, dot)), std::string(full.substr(dot + 1))};
}

std::string signal_name(int32_t signal) {
  static const std::map<int32_t, std::string> kNames = {
      {1, "SIGHUP"},   {2, "SIGINT"},   {3, "SIGQUIT"},  {4, "SIGILL"},   {5, "SIGTRAP"},
      {6, "SIGABRT"},  {7, "SIGBUS"},   {8, "SIGFPE"},   {9, "SIGKILL"},  {11, "SIGSEGV"},
      {13, "SIGPIPE"}, {14, "SIGALRM"}, {15, "SIGTERM"}, {24, "SIGXCPU"}, {31, "SIGSYS"}};
  const auto found = kNames.find(signal);
  return found == kNames.end() ? "" : " (" + found->second + ")";
}

bool is_bad(const CaseResult& result) {
  return result.outcome == Outcome::fail || result.outcome == Outcome::error;
}

using CaseName = std::pair<std::string, std::string>;

// What is left of `cases` without the first `count` of each name that `seen` has.
std::vector<CaseResult> without(const std::vector<CaseResult>& cases,
                                std::map<CaseName, size_t> seen) {
  std::vector<CaseResult> rest;
  for (const CaseResult& one : cases) {
    size_t& left = seen[{one.suite, one.name}];
    if (left > 0) {
      --left;
    } else {
      rest.push_back(one);
    }
  }
  return rest;
}

}  // namespace

void GtestOutput::feed(std::string_view bytes, Instant now) {
  last_ = now;
  while (!bytes.empty()) {
    const size_t end = std::min(bytes.find('\n'), bytes.size());
    const std::string_view piece = bytes.substr(0, std::min(end, kLineMax));
    line_ += piece;
    if (line_.size() > kLineMax) line_.erase(kLineHead, line_.size() - kLineHead - kLineTail);
    if (piece.size() < end || end == bytes.size()) {
      bytes.remove_prefix(piece.size());
      continue;
    }
    take_line(without_escapes(line_), now);
    line_.clear();
    bytes.remove_prefix(end + 1);
  }
}

void GtestOutput::finish(Instant now) {
  last_ = now;
  if (!line_.empty()) take_line(without_escapes(line_), now);
  line_.clear();
}

void GtestOutput::take_line(std::string_view line, Instant now) {
  if (!line.empty()) last_line_ = cut_text(sanitize_utf8(line), kCaseNameBytesMax);
  if (line.starts_with(kRunning)) {
    const std::string_view rest = line.substr(kRunning.size());
    uint64_t count = 0;
    if (std::from_chars(rest.data(), rest.data() + rest.size(), count).ec == std::errc()) {
      announced_ = announced_.value_or(0) + std::min<uint64_t>(count, UINT32_MAX);
    }
    return;
  }
  if (begin_case(line, now) || running_.empty()) return;
  if (!end_case(line)) take_text(line);
}

bool GtestOutput::begin_case(std::string_view line, Instant now) {
  if (!line.starts_with(kRun)) return false;
  const std::string name(line.substr(kRun.size()));
  if (name.empty() || name.size() > 2 * kCaseNameBytesMax) return false;
  if (std::optional<CaseResult> left = running()) {  // another program began, or this one again
    left->message =
        "did not end: " + name + " began" + (left->message.empty() ? "" : "\n" + left->message);
    add(std::move(*left));
  }
  running_ = name;
  running_since_ = now;
  ++begun_;
  failures_.clear();
  text_.clear();
  failing_ = false;
  return true;
}

bool GtestOutput::end_case(std::string_view line) {
  static constexpr std::pair<std::string_view, Outcome> kEnds[] = {
      {kOk, Outcome::pass}, {kFailed, Outcome::fail}, {kSkipped, Outcome::skip}};
  for (const auto& [mark, outcome] : kEnds) {
    const size_t at = line.rfind(mark);
    if (at == std::string_view::npos) continue;
    const std::string_view rest = line.substr(at + mark.size());
    if (!rest.starts_with(running_)) continue;
    const std::string_view after = rest.substr(running_.size());
    const bool ended = after.starts_with(" (") || after.starts_with(", where ");
    const std::optional<Duration> duration = duration_of(after);
    if (!ended || !duration) continue;
    if (at > 0) take_text(line.substr(0, at));
    end_running(outcome, *duration);
    return true;
  }
  return false;
}

void GtestOutput::end_running(Outcome outcome, Duration duration) {
  CaseResult result = *running();
  result.outcome = outcome;
  result.duration = duration;
  if (outcome == Outcome::pass) result.message.clear();
  running_.clear();
  add(std::move(result));
}

// What a failing case says begins where googletest names the place: "file.cc:12: Failure".
void GtestOutput::take_text(std::string_view line) {
  failing_ = failing_ || line.ends_with(": Failure") || line.ends_with(": Skipped");
  const std::string text = std::string(line) + "\n";
  if (failing_ && failures_.size() < kMessageLengthMax) failures_ += text;
  if (failing_) return;
  text_ += text;
  if (text_.size() > 2 * kMessageLengthMax) text_.erase(0, text_.size() - kMessageLengthMax);
}

void GtestOutput::add(CaseResult result) {
  bytes_ += result.suite.size() + result.name.size() + result.message.size() + sizeof result;
  if (finished_.size() >= results_max_ || bytes_ > kResultBytesPerStepMax) {
    ++dropped_;
    return;
  }
  finished_.push_back(std::move(result));
}

std::optional<CaseResult> GtestOutput::running() const {
  if (running_.empty()) return std::nullopt;
  CaseResult result;
  std::tie(result.suite, result.name) = split_name(running_);
  result.outcome = Outcome::error;
  result.duration = last_ - running_since_;
  std::string_view text = failures_.empty() ? text_ : failures_;
  if (failures_.empty() && text.size() > kMessageLengthMax) {
    text.remove_prefix(text.size() - kMessageLengthMax);
  }
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  result.suite = sanitize_utf8(result.suite);
  result.name = sanitize_utf8(result.name);
  result.message = cut_text(sanitize_utf8(text), kMessageLengthMax);
  return result;
}

uint64_t GtestOutput::not_begun() const {
  return announced_ && *announced_ > begun_ ? *announced_ - begun_ : 0;
}

std::string end_text(const ChildEnd& end) {
  if (!end.not_started.empty()) return end.not_started;
  if (end.run_timeout) return "ran for longer than " + format_duration(end.limit);
  if (end.silence_timeout) return "was silent for longer than " + format_duration(end.limit);
  if (end.signal) {
    return "ended by signal " + std::to_string(*end.signal) + signal_name(*end.signal);
  }
  return "exited with code " + std::to_string(end.exit_code.value_or(0));
}

std::vector<CaseResult> results_of_gtest_step(const GtestOutput& output,
                                              std::vector<CaseResult> reported, bool whole,
                                              const ChildEnd& end, const std::string& step) {
  std::map<CaseName, size_t> seen;
  for (const CaseResult& one : reported) ++seen[{one.suite, one.name}];
  std::vector<CaseResult> results = std::move(reported);
  std::optional<CaseResult> running = output.running();
  // The file of a program that came to its end has everything; its output may have been redirected.
  if (!whole || running) {
    std::vector<CaseResult> rest = without(output.finished(), seen);
    results.insert(results.end(), std::make_move_iterator(rest.begin()),
                   std::make_move_iterator(rest.end()));
  }
  const uint64_t left = output.not_begun();
  const std::string never = left == 0 ? "" : "; " + std::to_string(left) + " more never began";
  if (running) {
    running->message = cut_text("was running when the program " + end_text(end) + never +
                                    (running->message.empty() ? "" : "\n" + running->message),
                                kMessageLengthMax);
    results.push_back(std::move(*running));
    return results;
  }
  const bool ended_badly =
      !end.not_started.empty() || end.run_timeout || end.silence_timeout || end.signal;
  const bool explained = std::any_of(results.begin(), results.end(), is_bad);
  const bool empty_handed = results.empty() && end.exit_code.value_or(0) != 0;
  if ((ended_badly && (!explained || left > 0)) || empty_handed || (left > 0 && !whole)) {
    CaseResult own;
    own.suite = "muster";
    own.name = step;
    own.message = std::string(results.empty() ? "no test case ran: the program "
                                              : "between test cases, the program ") +
                  end_text(end) + never;
    if (!output.last_line().empty()) own.message += "\n" + output.last_line();
    results.push_back(std::move(own));
  }
  return results;
}

}  // namespace muster
