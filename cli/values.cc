#include "cli/values.h"

#include <charconv>

#include "core/guid.h"
#include "core/limits.h"
#include "core/suggest.h"

namespace muster {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  size_t start = 0;
  while (true) {
    const size_t end = text.find(separator, start);
    parts.push_back(text.substr(start, end == std::string::npos ? end : end - start));
    if (end == std::string::npos) return parts;
    start = end + 1;
  }
}

Result<uint64_t> parse_whole_number(const std::string& text, uint64_t min, uint64_t max) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number < min || number > max) {
    return Error{quote_text(text) + " is not a whole number from " + std::to_string(min) + " to " +
                 std::to_string(max)};
  }
  return number;
}

Result<std::pair<std::string, std::string>> parse_assignment(const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return Error{quote_text(text) + " is not NAME=VALUE"};
  }
  return std::make_pair(text.substr(0, equals), text.substr(equals + 1));
}

Result<RetryBudget> parse_retry(const std::string& text) {
  RetryBudget budget;
  for (const std::string& part : split(text, ',')) {
    const Result<std::pair<std::string, std::string>> pair = parse_assignment(part);
    if (!pair || (pair->first != "infra" && pair->first != "test")) {
      return Error{quote_text(part) + " is not infra=N or test=N"};
    }
    std::optional<uint32_t>& target = pair->first == "infra" ? budget.infra : budget.test;
    if (target) return Error{pair->first + " is given twice in " + quote_text(text)};
    const Result<uint64_t> count = parse_whole_number(pair->second, 0, kRetryMax);
    if (!count) return Error{pair->first + ": " + count.error()};
    target = static_cast<uint32_t>(*count);
  }
  return budget;
}

Result<std::vector<Verdict>> parse_verdicts(const std::string& text) {
  std::vector<std::string> names;
  std::vector<Verdict> verdicts;
  for (const std::string& word : split(text, ',')) {
    bool found = false;
    for (const Verdict verdict :
         {Verdict::pass, Verdict::fail, Verdict::flaky, Verdict::error, Verdict::skip}) {
      names.emplace_back(to_string(verdict));
      if (word != to_string(verdict)) continue;
      verdicts.push_back(verdict);
      found = true;
    }
    if (!found) {
      return Error{quote_text(word) + " is not a verdict: pass, fail, flaky, error, skip" +
                   suggestion(word, names)};
    }
  }
  return verdicts;
}

Result<std::vector<TaskState>> parse_task_states(const std::string& text) {
  std::vector<std::string> names;
  std::vector<TaskState> states;
  for (const std::string& word : split(text, ',')) {
    bool found = false;
    for (TaskState state :
         {TaskState::queued, TaskState::leased, TaskState::running, TaskState::ended}) {
      names.emplace_back(to_string(state));
      if (word != to_string(state)) continue;
      states.push_back(state);
      found = true;
    }
    if (!found) {
      return Error{quote_text(word) + " is not a state: queued, leased, running, ended" +
                   suggestion(word, names)};
    }
  }
  return states;
}

}  // namespace muster
