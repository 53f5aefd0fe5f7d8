// Whatever a job writes to its socket: a reason, or a request whose report a worker can spool; and
// in every case a description that is JSON.
#include <nlohmann/json.hpp>

#include "core/limits.h"
#include "io/codec.h"
#include "tests/support/fuzz_check.h"
#include "workers/job_request.h"

namespace muster {
namespace {

void require_spoolable(const ReportBody& body) {
  Report report;
  report.body = body;
  const auto again = decode_report(encode_report(report));
  require(again.ok() && *again == report);
}

void check(std::string_view line) {
  const CallMade call = describe_request(line);
  require(nlohmann::json::accept(call.arguments));
  require_spoolable(call);
  const Result<JobRequest> request = parse_job_request(line);
  if (!request.ok()) return require(is_utf8(request.error()) && !request.error().empty());
  if (const auto* say = std::get_if<SayRequest>(&*request)) require_spoolable(say->body);
  if (const auto* rows = std::get_if<MeasureFileRequest>(&*request)) {
    require(!invalid_name(rows->table, "table"));
  }
}

}  // namespace
}  // namespace muster

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes = muster::fuzz_bytes(data, size);
  muster::check(bytes.substr(0, muster::kApiLineBytesMax));
  return 0;
}
