#include "workers/reportable.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/guid.h"
#include "core/limits.h"

namespace muster {

namespace {

// All argv together, and all fields: a quarter of a report, since each element has a cost of its
// own.
constexpr size_t kListBytesMax = kReportBytesMax / 4;
constexpr size_t kElementCost = 64;

std::string readable(const std::string& text, size_t bytes_max) {
  return cut_text(is_utf8(text) ? text : sanitize_utf8(text), bytes_max);
}

void make_readable(AttemptStarted& started) {
  started.log_url = readable(started.log_url, kMessageLengthMax);
  size_t bytes = 0;
  for (size_t i = 0; i < started.argv.size(); ++i) {
    started.argv[i] = readable(started.argv[i], kMessageLengthMax);
    bytes += started.argv[i].size() + kElementCost;
    if (bytes <= kListBytesMax) continue;
    started.argv.resize(i);
    started.argv.push_back("...");
    return;
  }
}

void make_readable(Record& record) {
  record.subdir = readable(record.subdir, kMessageLengthMax);
  record.operation = readable(record.operation, kMessageLengthMax);
  record.message = readable(record.message, kReportBytesMax / 4);
  size_t bytes = 0;
  for (size_t i = 0; i < record.fields.size(); ++i) {
    auto& [key, value] = record.fields[i];
    key = readable(key, kNameLengthMax);
    value = readable(value, kMessageLengthMax);
    bytes += key.size() + value.size() + kElementCost;
    if (bytes > kListBytesMax) record.fields.resize(i);
  }
}

void make_readable(CaseResult& result) {
  result.suite = readable(result.suite, kMessageLengthMax);
  result.name = readable(result.name, kMessageLengthMax);
  result.message = readable(result.message, kReportBytesMax / 4);
}

void make_readable(Ending& ending) {
  ending.message = readable(ending.message, kMessageLengthMax);
  ending.blame = readable(ending.blame, kNameLengthMax);
}

void make_readable(Progress& progress) {
  progress.percent = std::min(progress.percent, 100u);
  progress.text = readable(progress.text, kMessageLengthMax);
}

void make_readable(SourceFetched& source) {
  source.url = readable(source.url, kMessageLengthMax);
  source.ref = readable(source.ref, kMessageLengthMax);
}

// Whoever makes one sees to it that it is JSON and no larger than a report may be.
void make_readable(Shout& shout) { shout.json = readable(shout.json, kReportBytesMax / 2); }

void make_readable(Measurement& measurement) {
  measurement.table = readable(measurement.table, kNameLengthMax);
  size_t bytes = 0;
  for (size_t i = 0; i < measurement.row.size(); ++i) {
    auto& [column, value] = measurement.row[i];
    column = readable(column, kNameLengthMax);
    bytes += column.size() + kElementCost;
    if (auto* text = std::get_if<std::string>(&value)) {
      *text = readable(*text, kMessageLengthMax);
      bytes += text->size();
    }
    if (bytes > kReportBytesMax / 2) measurement.row.resize(i);
  }
}

void make_readable(Artifact& artifact) {
  artifact.name = readable(artifact.name, kMessageLengthMax);
  artifact.url = readable(artifact.url, kMessageLengthMax);
}

void make_readable(CallFailed& call) {
  call.method = readable(call.method, kNameLengthMax);
  call.arguments = readable(call.arguments, kReportBytesMax / 4);
  call.peer = readable(call.peer, kMessageLengthMax);
  call.error = readable(call.error, kMessageLengthMax);
}

void make_readable(CallMade& call) {
  call.method = readable(call.method, kNameLengthMax);
  call.arguments = readable(call.arguments, kReportBytesMax / 4);
  call.peer = readable(call.peer, kMessageLengthMax);
}

}  // namespace

ReportBody make_reportable(ReportBody body) {
  std::visit([](auto& alternative) { make_readable(alternative); }, body);
  return body;
}

}  // namespace muster
