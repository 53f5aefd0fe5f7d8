#include "io/broker_options.h"

#include <optional>
#include <utility>
#include <variant>

#include "io/codec.h"

namespace muster {

namespace {

// Why a task's work cannot be used, or nothing: it is decoded once here, so that a worker never
// gets what it cannot read.
std::optional<std::string> invalid_work(const TaskSpec& spec) {
  const Result<Work> work = decode_work(spec.work);
  if (!work.ok()) return "the work description cannot be read: " + work.error();
  if (spec.kind == TaskKind::job) {
    if (std::holds_alternative<VerifyWork>(*work) || std::holds_alternative<RepairWork>(*work))
      return "a job task needs a command or a tree to run";
    return std::nullopt;
  }
  const std::string task = "a " + std::string(to_string(spec.kind)) + " task";
  const bool fits = spec.kind == TaskKind::verify ? std::holds_alternative<VerifyWork>(*work)
                                                  : std::holds_alternative<RepairWork>(*work);
  if (std::holds_alternative<JobWork>(*work)) return task + " carries no command of its own";
  if (!fits && !std::holds_alternative<NoopWork>(*work))
    return task + " carries the work of another kind";
  if (spec.devices.size() != 1) return task + " is about exactly one device";
  return std::nullopt;
}

std::optional<std::string> strategy_selector(const std::string& bytes) {
  const Result<Strategy> strategy = decode_strategy(bytes);
  if (!strategy.ok()) return std::nullopt;
  return strategy->for_selector;
}

std::string verify_level(std::string_view bytes) {
  const Result<Work> work = decode_work(bytes);
  const auto* verify = work.ok() ? std::get_if<VerifyWork>(&*work) : nullptr;
  return verify ? verify->level : "";
}

}  // namespace

BrokerOptions make_broker_options(const std::string& log_id) {
  BrokerOptions options;
  options.version = MUSTER_VERSION;
  options.log_id = log_id;
  options.invalid_work = invalid_work;
  options.verify_level = verify_level;
  options.make_work = encode_work;
  options.strategy_selector = strategy_selector;
  return options;
}

}  // namespace muster
