#include "core/repair_forecast.h"

#include <algorithm>
#include <map>
#include <utility>

namespace muster {
namespace {

class Forecaster {
 public:
  Forecaster(const Strategy& strategy, const ForecastOptions& options)
      : strategy_(strategy),
        failing_(options.failing),
        run_(strategy, run_options(options), begin()) {
    for (size_t i = 0; i < strategy.actions.size(); ++i) index_of_[strategy.actions[i].tag] = i;
  }

  Forecast go() {
    note_skipped();
    start_steps();
    while (!running_.empty()) {
      // Of those that end at the same time the first: the order makes no difference.
      const std::vector<Running>::iterator next =
          std::min_element(running_.begin(), running_.end(),
                           [](const Running& a, const Running& b) { return a.ends < b.ends; });
      const Running ended = *next;
      running_.erase(next);
      now_ = ended.ends;
      if (ended.step.kind != StepKind::closing) forecast_.at_most = now_ - begin();
      const bool passes = !fails(ended.step);
      run_.finish(ended.step, {passes, passes ? "" : "as foretold", ended.step.duration}, now_);
      note_skipped();
      start_steps();
    }
    forecast_.passes = run_.passed();
    forecast_.failures = run_.failures();
    return std::move(forecast_);
  }

 private:
  struct Running {
    EngineStep step;
    Instant ends;
  };

  static Instant begin() { return kNever; }

  static StrategyRunOptions run_options(const ForecastOptions& options) {
    StrategyRunOptions run;
    run.kind = RunKind::repair;
    run.level = options.level;
    run.profile = options.profile;
    run.parallel_max = options.parallel_max;
    return run;
  }

  bool fails(const EngineStep& step) const {
    return step.kind == StepKind::check && failing_.contains(strategy_.verifiers[step.index].tag);
  }

  static ForecastEntry::Kind entry_kind(StepKind kind) {
    switch (kind) {
      case StepKind::check:
        return ForecastEntry::Kind::check;
      case StepKind::action:
        return ForecastEntry::Kind::action;
      case StepKind::wait:
        return ForecastEntry::Kind::wait;
      case StepKind::closing:
        return ForecastEntry::Kind::closing;
    }
    return ForecastEntry::Kind::check;
  }

  void start_steps() {
    for (const EngineStep& step : run_.next(now_)) {
      running_.push_back({step, now_ + step.duration});
      forecast_.entries.push_back(
          {entry_kind(step.kind), step.index, now_ - begin(), step.duration, !fails(step), ""});
    }
  }

  void note_skipped() {
    for (CaseResult& result : run_.take_results()) {
      if (result.suite != "repair" || result.outcome != Outcome::skip) continue;
      forecast_.entries.push_back({ForecastEntry::Kind::skipped, index_of_[result.name],
                                   now_ - begin(), Duration{0}, true, std::move(result.message)});
    }
  }

  const Strategy& strategy_;
  const std::set<std::string>& failing_;
  StrategyRun run_;
  Instant now_ = begin();
  std::map<std::string, size_t> index_of_;
  std::vector<Running> running_;
  Forecast forecast_;
};

}  // namespace

Forecast forecast_repair(const Strategy& strategy, const ForecastOptions& options) {
  return Forecaster(strategy, options).go();
}

const std::string& tag_of(const Strategy& strategy, const ForecastEntry& entry) {
  if (entry.kind == ForecastEntry::Kind::check) return strategy.verifiers[entry.index].tag;
  if (entry.kind == ForecastEntry::Kind::closing) return strategy.closing[entry.index].tag;
  return strategy.actions[entry.index].tag;
}

std::string_view to_string(ForecastEntry::Kind kind) {
  switch (kind) {
    case ForecastEntry::Kind::check:
      return "check";
    case ForecastEntry::Kind::action:
      return "action";
    case ForecastEntry::Kind::wait:
      return "wait";
    case ForecastEntry::Kind::skipped:
      return "skipped";
    case ForecastEntry::Kind::closing:
      return "closing";
  }
  return "unknown";
}

}  // namespace muster
