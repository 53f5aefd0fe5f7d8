#include "workers/attempt_run.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <nlohmann/json.hpp>

#include "core/guid.h"
#include "core/limits.h"
#include "workers/attempt_files.h"
#include "workers/job_attempt.h"
#include "workers/strategy_attempt.h"

namespace muster {

namespace {

// Ends at once: the reason why there is nothing to run.
class ImpossibleAttempt final : public AttemptRun {
 public:
  ImpossibleAttempt(const RunContext& context, Assignment assignment, ReportSink report,
                    std::string reason)
      : AttemptRun(context, std::move(assignment), std::move(report)), reason_(std::move(reason)) {}
  void begin(Instant now) override {
    finish(make_ending(Outcome::error, Cause::config, StatusCode::norun, reason_, kNever, now));
  }
  void wake(Instant) override {}
  void stop(Instant, bool) override {}
  std::optional<Instant> next_deadline() const override { return std::nullopt; }
  void descriptors(std::vector<int>&) const override {}

 private:
  std::string reason_;
};

}  // namespace

std::string AttemptRun::attempt_dir() const {
  return muster::attempt_dir(context_.attempts_dir, token());
}

std::string AttemptRun::url_of(const std::string& name, const std::string& path) const {
  return context_.archive_url ? context_.archive_url(token(), name) : "file://" + path;
}

std::vector<Stray> AttemptRun::end_strays(AttemptLog& log) {
  std::vector<Stray> strays = context_.end_strays(token());
  const auto left = std::partition(strays.begin(), strays.end(),
                                   [](const Stray& stray) { return stray.fate == Fate::dead; });
  std::vector<Stray> alive(std::make_move_iterator(left), std::make_move_iterator(strays.end()));
  strays.erase(left, strays.end());
  if (!strays.empty()) log.note("killed " + describe(strays));
  strays_ended_ = true;
  return alive;
}

Ending AttemptRun::ending_of_stop(Instant started, Instant now) const {
  const StatusCode status = stop_cause_ == Cause::user ? StatusCode::killed : StatusCode::error;
  return make_ending(Outcome::error, stop_cause_, status, stop_reason_, started, now);
}

Ending run_noop(const NoopWork& work, Instant now) {
  return make_ending(Outcome::pass, Cause::none, StatusCode::ok,
                     cut_text(sanitize_utf8(work.payload), kMessageLengthMax), now, now);
}

std::unique_ptr<AttemptRun> make_attempt_run(const RunContext& context, Assignment assignment,
                                             const Work& work, AttemptRun::ReportSink report) {
  if (const auto* job = std::get_if<JobWork>(&work)) {
    return std::make_unique<JobAttempt>(context, std::move(assignment), *job, std::move(report));
  }
  if (const auto* verify = std::get_if<VerifyWork>(&work)) {
    return std::make_unique<StrategyAttempt>(context, std::move(assignment), RunKind::verify,
                                             verify->level, std::move(report));
  }
  if (std::holds_alternative<RepairWork>(work)) {
    return std::make_unique<StrategyAttempt>(context, std::move(assignment), RunKind::repair, "",
                                             std::move(report));
  }
  return std::make_unique<ImpossibleAttempt>(context, std::move(assignment), std::move(report),
                                             "this worker does not run such work");
}

std::string home_of_user() {
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return home;
  const passwd* user = ::getpwuid(::geteuid());
  return user != nullptr && user->pw_dir != nullptr ? user->pw_dir : "/";
}

std::string devices_json(const Assignment& assignment) {
  using Json = nlohmann::ordered_json;
  Json devices = Json::array();
  for (size_t i = 0; i < assignment.devices.size(); ++i) {
    const std::string role =
        i < assignment.spec->devices.size() ? assignment.spec->devices[i].role : std::string();
    devices.push_back({{"name", assignment.devices[i].name},
                       {"role", role},
                       {"profile", assignment.devices[i].profile}});
  }
  return devices.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string record_name(const std::string& text) {
  std::string name;
  for (const char c : text) {
    const bool bad = static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '/';
    name += bad ? '.' : c;
  }
  while (!name.empty() && (name.front() == ' ' || name.front() == '.')) name.erase(0, 1);
  while (!name.empty() && name.back() == ' ') name.pop_back();
  return name;
}

}  // namespace muster
