#include "cli/render_doctor.h"

#include <algorithm>

namespace muster {
namespace {

constexpr size_t kConditionWidth = 6;

Color condition_color(Condition condition) {
  switch (condition) {
    case Condition::ok:
      return Color::good;
    case Condition::warn:
      return Color::doubt;
    case Condition::fail:
      break;
  }
  return Color::bad;
}

}  // namespace

std::string render_findings(const std::vector<Finding>& findings, const Look& look) {
  size_t width = 0;
  for (const Finding& finding : findings) width = std::max(width, finding.subject.size());
  std::string out;
  for (const Finding& finding : findings) {
    const std::string_view word = to_string(finding.condition);
    out += paint(word, condition_color(finding.condition), look);
    out += std::string(kConditionWidth - word.size(), ' ') + finding.subject;
    out += std::string(width + 2 - finding.subject.size(), ' ') + printable(finding.text) + "\n";
    if (finding.advice.empty()) continue;
    out += std::string(kConditionWidth + width + 2, ' ') + "-> " + printable(finding.advice) + "\n";
  }
  return out;
}

}  // namespace muster
