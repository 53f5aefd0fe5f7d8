#include "cli/render_strategy.h"

#include <map>
#include <set>

#include "cli/values.h"
#include "core/duration_text.h"

namespace muster {
namespace {

class TreeWriter {
 public:
  TreeWriter(const Strategy& strategy, bool brief) : brief_(brief) {
    for (const Verifier& verifier : strategy.verifiers) by_tag_[verifier.tag] = &verifier;
  }

  void write_below(const std::vector<std::string>& tags, const std::string& indent) {
    for (size_t i = 0; i < tags.size(); ++i) {
      const bool last = i + 1 == tags.size();
      const auto found = by_tag_.find(tags[i]);
      if (found == by_tag_.end()) continue;
      const Verifier& verifier = *found->second;
      const bool again = !shown_.insert(verifier.tag).second && !verifier.deps.empty();
      out_ += indent + (last ? "`- " : "|- ") + label(verifier) + (again ? " (above)" : "") + "\n";
      if (!again) write_below(verifier.deps, indent + (last ? "   " : "|  "));
    }
  }

  std::string take() { return std::move(out_); }

 private:
  std::string label(const Verifier& verifier) const {
    if (brief_) return printable(verifier.tag);
    std::string text = printable(verifier.tag);
    if (!verifier.description.empty()) text += "  " + printable(verifier.description);
    text += "  [" + std::string(check_kind(verifier.check)) + ", " +
            format_duration(verifier.timeout) + "]";
    if (!verifier.when.empty()) text += "  if " + printable(verifier.when);
    if (!verifier.blame.empty()) text += "  blames " + printable(verifier.blame);
    if (!verifier.levels.empty()) text += "  level " + printable(join(verifier.levels, ", "));
    return text;
  }

  bool brief_;
  std::map<std::string, const Verifier*> by_tag_;
  std::set<std::string> shown_;
  std::string out_;
};

// Tags that no verifier depends on: what the root depends on.
std::vector<std::string> top_tags(const Strategy& strategy) {
  std::set<std::string> needed;
  for (const Verifier& verifier : strategy.verifiers) {
    needed.insert(verifier.deps.begin(), verifier.deps.end());
  }
  std::vector<std::string> tags;
  for (const Verifier& verifier : strategy.verifiers) {
    if (!needed.contains(verifier.tag)) tags.push_back(verifier.tag);
  }
  return tags;
}

std::string action_line(const RepairActionSpec& action, bool brief) {
  std::string text = "  " + printable(action.tag);
  if (brief) return text + "\n";
  if (!action.description.empty()) text += "  " + printable(action.description);
  text += "  [" + std::string(action_kind(action.run)) + ", " + format_duration(action.timeout);
  if (action.then_wait > Duration{0}) text += ", then wait " + format_duration(action.then_wait);
  if (action.attempts > 1) text += ", up to " + std::to_string(action.attempts) + " times";
  if (action.per_day > 0) text += ", " + std::to_string(action.per_day) + " a day";
  text += "]";
  if (!action.triggers.empty())
    text += "  when " + printable(join(action.triggers, ", ")) + " failed";
  if (!action.deps.empty()) text += "  needs " + printable(join(action.deps, ", "));
  if (!action.when.empty()) text += "  if " + printable(action.when);
  return text + "\n";
}

std::string closing_line(const FinallySpec& closing, bool brief) {
  std::string text = "  " + printable(closing.tag);
  if (brief) return text + "\n";
  if (!closing.description.empty()) text += "  " + printable(closing.description);
  text +=
      "  [" + std::string(action_kind(closing.run)) + ", " + format_duration(closing.timeout) + "]";
  if (closing.when == FinallyWhen::failed) text += "  when it failed";
  if (closing.when == FinallyWhen::passed) text += "  when it passed";
  return text + "\n";
}

std::string what_happens(const ForecastEntry& entry) {
  switch (entry.kind) {
    case ForecastEntry::Kind::check:
      return entry.passes ? "passes" : "FAILS";
    case ForecastEntry::Kind::action:
      return "is tried";
    case ForecastEntry::Kind::wait:
      return "has its effect";
    case ForecastEntry::Kind::skipped:
      return entry.why;
    case ForecastEntry::Kind::closing:
      return "is run";
  }
  return "";
}

}  // namespace

std::string render_forecast(const Strategy& strategy, const Forecast& forecast) {
  Table table({"AFTER", "WHAT", "TAG", "AT MOST", "WHAT HAPPENS"});
  for (const ForecastEntry& entry : forecast.entries) {
    table.add({format_duration(entry.begins), to_string(entry.kind), tag_of(strategy, entry),
               entry.at_most == Duration{0} ? "" : format_duration(entry.at_most),
               what_happens(entry)});
  }
  std::string out = table.empty() ? "" : table.render({}) + "\n";
  std::vector<std::string> tags;
  for (const StrategyFailure& failure : forecast.failures) tags.push_back(printable(failure.tag));
  out += forecast.passes ? "passes" : "fails: " + join(tags, ", ");
  out += "; the repair takes at most " + format_duration(forecast.at_most);
  if (strategy.total > Duration{0}) {
    out += " (after " + format_duration(strategy.total) + " no further action is tried)";
  }
  return out + "\n";
}

std::string render_strategy_tree(const Strategy& strategy, bool brief) {
  std::string out;
  if (!brief) {
    out += printable(strategy.name);
    if (!strategy.for_selector.empty()) out += "  for " + printable(strategy.for_selector);
    out += "\n";
  }
  out += std::string(kRootTag) + "\n";
  TreeWriter tree(strategy, brief);
  tree.write_below(top_tags(strategy), "");
  out += tree.take();
  if (!strategy.actions.empty()) {
    out += "repair";
    if (!brief && strategy.total > Duration{0}) {
      out += "  within " + format_duration(strategy.total);
    }
    out += "\n";
  }
  for (const RepairActionSpec& action : strategy.actions) out += action_line(action, brief);
  if (!strategy.closing.empty()) out += "finally\n";
  for (const FinallySpec& closing : strategy.closing) out += closing_line(closing, brief);
  return out;
}

}  // namespace muster
