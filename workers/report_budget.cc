#include "workers/report_budget.h"

#include <variant>

namespace muster {
namespace {

// What a report costs: its text and a little.
struct SizeOf {
  size_t operator()(const Shout& body) const { return body.json.size(); }
  size_t operator()(const CaseResult& body) const {
    return body.suite.size() + body.name.size() + body.message.size();
  }
  size_t operator()(const Measurement& body) const {
    size_t bytes = 0;
    for (const auto& [column, value] : body.row) {
      const auto* text = std::get_if<std::string>(&value);
      bytes += column.size() + 16 + (text ? text->size() : 0);
    }
    return bytes;
  }
  size_t operator()(const Progress& body) const { return body.text.size(); }
  size_t operator()(const CallFailed& body) const {
    return body.arguments.size() + body.error.size();
  }
  size_t operator()(const CallMade& body) const { return body.arguments.size(); }
  template <typename Other>
  size_t operator()(const Other&) const {
    return 0;
  }
};
constexpr size_t kReportCost = 64;

void add_count(std::string& text, uint64_t count, const std::string& noun) {
  if (count == 0) return;
  text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace

bool ReportBudget::take(const ReportBody& body) {
  if (std::holds_alternative<Record>(body) || std::holds_alternative<Artifact>(body)) return true;
  const size_t bytes = std::visit(SizeOf{}, body) + kReportCost;
  if (reports_ < limits_.reports && bytes_ + bytes <= limits_.bytes) {
    ++reports_;
    bytes_ += bytes;
    return true;
  }
  ++(std::holds_alternative<CaseResult>(body)    ? cases_
     : std::holds_alternative<Measurement>(body) ? rows_
                                                 : others_);
  return false;
}

std::string ReportBudget::said_enough() const {
  return "an attempt may say " + std::to_string(limits_.reports) + " things of " +
         std::to_string(limits_.bytes) + " bytes altogether, and this one has";
}

std::string ReportBudget::left_out() const {
  std::string counts;
  add_count(counts, cases_, "test result");
  add_count(counts, rows_, "measurement");
  add_count(counts, others_, "other report");
  return counts.empty() ? "" : "left out " + counts + ": " + said_enough();
}

}  // namespace muster
