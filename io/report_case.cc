#include "io/report_case.h"

#include <charconv>
#include <cmath>

#include "core/guid.h"
#include "core/limits.h"

namespace muster {
namespace {

// The worst finding of a case is its outcome.
int severity(Outcome outcome) {
  switch (outcome) {
    case Outcome::pass:
      return 0;
    case Outcome::skip:
      return 1;
    case Outcome::fail:
      return 2;
    case Outcome::error:
      break;
  }
  return 3;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace

void CaseBuilder::name(std::string suite, std::string name) {
  result_.suite = cut_text(sanitize_utf8(suite), kCaseNameBytesMax);
  // googletest gives failures outside of any case a case without a name.
  result_.name = name.empty() ? "(no name)" : cut_text(sanitize_utf8(name), kCaseNameBytesMax);
}

void CaseBuilder::duration(std::string_view seconds) {
  std::string digits;
  for (const char c : trim(seconds)) {
    if (c != ',') digits += c;
  }
  if (digits.ends_with('s')) digits.pop_back();
  double value = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = fault == std::errc() && end == digits.data() + digits.size();
  if (!whole || !(value >= 0) || value > static_cast<double>(kTimeUsMax) / 1e6) return;
  result_.duration = Duration{std::llround(value * 1e6)};
}

void CaseBuilder::add(Outcome outcome, std::string_view message, std::string_view text) {
  if (severity(outcome) > severity(result_.outcome)) result_.outcome = outcome;
  text = trim(text);
  std::string said(text);
  if (text.find(message) == std::string_view::npos) {
    said = std::string(message) + (text.empty() ? "" : "\n") + said;
  }
  if (said.empty() || result_.message.size() > kMessageLengthMax) return;
  if (!result_.message.empty()) result_.message += "\n";
  result_.message += said;
}

CaseResult CaseBuilder::take() {
  result_.message = cut_text(sanitize_utf8(result_.message), kMessageLengthMax);
  return std::move(result_);
}

}  // namespace muster
