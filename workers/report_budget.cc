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
  const bool is_call = std::holds_alternative<CallMade>(body) ||  //
                       std::holds_alternative<CallFailed>(body);
  Share& share = is_call ? calls_ : said_;
  if (share.reports < share.reports_max && share.bytes + bytes <= share.bytes_max) {
    ++share.reports;
    share.bytes += bytes;
    return true;
  }
  if (is_call) ++calls_left_out_;
  if (!is_call) count(body, too_many_);
  return false;
}

void ReportBudget::drop(const ReportBody& body) { count(body, too_fast_); }

void ReportBudget::count(const ReportBody& body, Counts& counts) {
  ++(std::holds_alternative<CaseResult>(body)    ? counts.cases
     : std::holds_alternative<Measurement>(body) ? counts.rows
                                                 : counts.others);
}

std::string ReportBudget::said_enough() const {
  return "an attempt may say " + std::to_string(said_.reports_max) + " things of " +
         std::to_string(said_.bytes_max) + " bytes altogether, and this one has";
}

bool ReportBudget::has_left_out_results() const {
  return too_many_.cases + too_many_.rows + too_fast_.cases + too_fast_.rows + too_fast_.files > 0;
}

std::string ReportBudget::describe(const Counts& counts) {
  std::string text;
  add_count(text, counts.cases, "test result");
  add_count(text, counts.rows, "measurement");
  add_count(text, counts.files, "whole file");
  add_count(text, counts.others, "other report");
  return text.empty() ? "" : "left out " + text + ": ";
}

std::string ReportBudget::left_out() const {
  std::string text = describe(too_many_);
  if (!text.empty()) text += said_enough();
  const auto append = [&](const std::string& more) {
    text += (text.empty() || more.empty() ? "" : "; ") + more;
  };
  const std::string dropped = describe(too_fast_);
  if (!dropped.empty()) append(dropped + "too many requests in a short time");
  if (calls_left_out_ > 0) {
    append("left out " + std::to_string(calls_left_out_) + " calls of the trace: it may have " +
           std::to_string(calls_.reports_max) + " calls of " + std::to_string(calls_.bytes_max) +
           " bytes altogether");
  }
  return text;
}

}  // namespace muster
