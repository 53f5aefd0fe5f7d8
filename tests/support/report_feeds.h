// What the tests and the fuzzers ask of every reader of reports: it never says more than it may,
// and where the pieces are cut makes no difference.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/guid.h"
#include "core/job_rules.h"
#include "core/limits.h"
#include "io/report_reader.h"

namespace muster {

// What a reader gave of one input, and why it stopped; empty: it did not.
template <typename Item>
struct Read {
  std::vector<Item> items;
  std::string reason;

  bool operator==(const Read&) const = default;
};

// `make` is given the sink.
template <typename Item, typename Make>
Read<Item> read_report(std::string_view bytes, size_t piece, const Make& make) {
  Read<Item> read;
  const std::unique_ptr<ReportReader> reader =
      make([&](Item item) { read.items.push_back(std::move(item)); });
  Result<Done> done = Done{};
  while (done.ok() && !bytes.empty()) {
    done = reader->feed(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  if (done.ok()) done = reader->finish();
  if (!done.ok()) read.reason = done.error().empty() ? "(no reason)" : done.error();
  return read;
}

inline bool is_fit(const CaseResult& result) {
  return is_utf8(result.suite) && is_utf8(result.name) && is_utf8(result.message) &&
         !result.name.empty() && result.suite.size() <= kCaseNameBytesMax &&
         result.name.size() <= kCaseNameBytesMax && result.message.size() <= kMessageLengthMax &&
         result.duration >= Duration{0};
}

inline bool is_fit(const Measurement& row) { return !invalid_measurement(row); }

// Whether the reader keeps to all that for `bytes`.
template <typename Item, typename Make>
bool reads_fit(std::string_view bytes, const Make& make) {
  const Read<Item> whole = read_report<Item>(bytes, SIZE_MAX, make);
  const Read<Item> pieces = read_report<Item>(bytes, 3, make);
  const bool fit = std::all_of(whole.items.begin(), whole.items.end(),
                               [](const Item& item) { return is_fit(item); });
  return fit && whole.items == pieces.items && whole.reason.empty() == pieces.reason.empty() &&
         whole.reason != "(no reason)";
}

}  // namespace muster
