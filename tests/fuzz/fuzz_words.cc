// The small grammars of words that come from files, flags, URLs and queries. The first byte of the
// input chooses one.
#include "core/duration_text.h"
#include "core/git_url.h"
#include "core/glob.h"
#include "core/tag_choice.h"
#include "io/archive_name.h"
#include "io/clock.h"
#include "io/decibel_run.h"
#include "io/measure_where.h"
#include "io/task_matrix.h"
#include "tests/support/fuzz_check.h"

namespace muster {
namespace {

void check_times(std::string_view text) {
  if (const auto duration = parse_duration(text); duration.ok()) {
    require(*duration >= Duration{0} && *duration <= kDurationTextMax);
    require(!format_duration(*duration).empty());
  }
  if (const auto size = parse_size(text); size.ok()) require(!format_size(*size).empty());
  parse_rfc3339(text);
  parse_decibel_time(text);
}

// As many comparisons at most as a pattern has characters, for each character of a path.
void check_glob(std::string_view text) {
  const size_t cut = std::min(text.find('\n'), text.size());
  const std::string_view path = text.substr(std::min(cut + 1, text.size()));
  uint64_t steps = 0;
  const Glob glob(text.substr(0, cut));
  glob.matches(path, &steps);
  require(steps <= (cut + 2) * (path.size() + 2));
}

void check_git(std::string_view text) {
  invalid_git_ref(text);
  const std::string shown = shown_git_url(text);
  without_password(std::string(text), text);
  if (invalid_git_url(text)) return;
  require(text.front() != '-');
  if (const auto split = split_git_url(text)) require(!invalid_git_url(split->url));
}

void check_names(std::string_view text) {
  if (const auto plain = percent_decode(text)) require(percent_encode(*plain) == text);
  if (!text.empty()) {
    const std::string segment = percent_encode(text);
    require(segment.find('/') == segment.npos && segment != "." && segment != "..");
    require(segment.size() <= 200);
  }
  require(url_decode(url_encode(text)) == text);
  if (const auto name = parse_archive_path(text); name.ok() && !name->name.empty()) {
    require(!invalid_archive_name(*name));
    require(("/" + name->name + "/").find("/../") == name->name.npos);
    require(name->name.front() != '/' && !name->name.starts_with(kArchiveOwnDir));
  }
  parse_unix_url(std::string(text));
  archive_base_of(std::string(text));
  require(invalid_archive_name({"guid-000001", 1, archived_as(std::string(text))}) ||
          !invalid_artifact_name(archived_as(std::string(text))));
}

void check_lists(std::string_view text) {
  if (const auto numbers = parse_array(text); numbers.ok()) {
    require(numbers->size() <= kArrayTasksMax);
  }
  invalid_tag_term(text);
  chosen_by_tags({"A", "B"}, {std::string(text)});
  const auto conditions = parse_measure_where(text);
  require(conditions.ok() || is_utf8(conditions.error()));
}

}  // namespace
}  // namespace muster

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  constexpr void (*kChecks[])(std::string_view) = {muster::check_times, muster::check_glob,
                                                   muster::check_git, muster::check_names,
                                                   muster::check_lists};
  const std::string_view text = muster::fuzz_bytes(data + 1, size - 1);
  kChecks[data[0] % std::size(kChecks)](text);
  return 0;
}
