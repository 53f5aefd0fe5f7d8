// muster shout, report, measure, push, progress and call: what a job says to the house.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/job_client.h"
#include "cli/verbs.h"
#include "core/guid.h"
#include "core/job_rules.h"

namespace muster {
namespace {

using Json = nlohmann::json;

// For what has a result to give, which would be lost elsewhere.
std::string socket_or_throw(const std::string& verb) {
  const std::string path = job_socket();
  if (!path.empty()) return path;
  throw Failure{
      kExitUsageError, "muster " + verb + " works inside a job only",
      "the house sets $MUSTER_SOCKET in a job's environment; to try it: muster run -- muster " +
          verb + " ..."};
}

std::string dump(const Json& request) {
  return request.dump(-1, ' ', false, Json::error_handler_t::replace);
}

int tell(Output& output, const std::string& path, const std::string& request) {
  const Result<JobAnswer> answer = ask_job_socket(path, request);
  if (!answer.ok()) throw Failure{kExitUnreachable, answer.error(), "has the job's attempt ended?"};
  if (!answer->ok) {
    throw Failure{answer->dropped ? kExitNotEnded : kExitUsageError, answer->error, ""};
  }
  if (output.format() == Format::json || output.format() == Format::jsonl) {
    output.print(answer->json + "\n");
  }
  return kExitOk;
}

// For the other side, which does not know this process's directory.
std::string absolute(const std::string& file) {
  std::error_code fault;
  const std::filesystem::path path = std::filesystem::absolute(file, fault);
  return fault ? file : path.lexically_normal().string();
}

}  // namespace

int do_verb(Output& output, const ShoutOptions& options) {
  const Json json = Json::parse(options.json, nullptr, false);
  if (!json.is_object()) {
    throw Failure{kExitUsageError, quote_text(options.json) + " is not a JSON object",
                  "for example: muster shout '{\"state\": \"flashed\"}'"};
  }
  const std::string path = job_socket();
  if (path.empty()) return kExitOk;
  // As it was written: numbers keep their digits.
  std::string line = options.json;
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return tell(output, path, "{\"shout\": " + line + "}");
}

int do_verb(Output& output, const ProgressOptions& options) {
  const std::string path = job_socket();
  if (path.empty()) return kExitOk;
  const Json progress = {{"percent", options.percent}, {"text", options.text}};
  return tell(output, path, dump({{"progress", progress}}));
}

int do_verb(Output& output, const ReportOptions& options) {
  const std::string path = socket_or_throw("report");
  Json report;
  if (!options.junit.empty()) report["junit"] = absolute(options.junit);
  if (!options.gtest.empty()) report["gtest"] = absolute(options.gtest);
  if (report.is_null()) {
    report = {{"suite", options.suite}, {"name", options.name}, {"outcome", options.outcome}};
    if (options.seconds) report["seconds"] = static_cast<double>(options.seconds->count()) / 1e6;
    if (!options.message.empty()) report["message"] = options.message;
  }
  return tell(output, path, dump({{"report", report}}));
}

int do_verb(Output& output, const MeasureOptions& options) {
  const std::string path = socket_or_throw("measure");
  Json measure = {{"table", options.table}};
  if (!options.csv.empty()) {
    measure["csv"] = absolute(options.csv);
  } else {
    measure["row"] = Json::object();
    for (const auto& [column, text] : options.row) {
      if (measure["row"].contains(column)) {
        throw Failure{kExitUsageError, "column " + quote_text(column) + " is given twice", ""};
      }
      std::visit([&](const auto& value) { measure["row"][column] = value; },
                 parse_measure_value(text));
    }
  }
  return tell(output, path, dump({{"measure", measure}}));
}

int do_verb(Output& output, const PushOptions& options) {
  const std::string path = socket_or_throw("push");
  Json push = {{"file", absolute(options.file)}};
  if (!options.as.empty()) push["as"] = options.as;
  return tell(output, path, dump({{"push", push}}));
}

// The inner verb prints and exits as it always does. That a task it waited for has failed is an
// answer, not a failed call.
int do_verb(Output& output, const CallOptions& options) {
  const std::string path = socket_or_throw("call");
  const CommandEnd end = run_arguments(options.arguments);
  if (!end.failure && std::getenv("MUSTER_TRACE_CALLS") == nullptr) return end.exit_status;
  Json call = {{"method", options.method}, {"arguments", options.arguments}, {"peer", end.peer}};
  if (end.failure) call["error"] = end.failure->error;
  const char* const verb = end.failure ? "call_failed" : "call_made";
  const Result<JobAnswer> answer = ask_job_socket(path, dump({{verb, call}}));
  if (!answer.ok()) output.talk("muster call: " + answer.error());
  return end.exit_status;
}

}  // namespace muster
