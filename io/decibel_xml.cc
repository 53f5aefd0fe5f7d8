#include "io/decibel_xml.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>

#include "core/guid.h"
#include "io/clock.h"

namespace muster {
namespace {

constexpr std::string_view kSchema = "muster.decibel/1";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
// U+FFFE and U+FFFF, which are UTF-8 and no characters of XML.
constexpr std::string_view kNoCharacters[] = {"\xEF\xBF\xBE", "\xEF\xBF\xBF"};
constexpr double kSecondsMax = static_cast<double>(kTimeUsMax) / 1e6;

// What stands for `c` in a text or an attribute; empty: itself. A TAB or a line break of an
// attribute would be read as a blank.
std::string_view escape_of(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    case '\t':
      return "&#9;";
    case '\n':
      return "&#10;";
    case '\r':
      return "&#13;";
    default:
      return static_cast<unsigned char>(c) < 0x20 ? kReplacement : std::string_view();
  }
}

void append_escaped(std::string& out, std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string_view escape = escape_of(text[i]);
    const std::string_view three = text.substr(i, 3);
    if (three == kNoCharacters[0] || three == kNoCharacters[1]) {
      out += kReplacement;
      i += 2;
    } else if (escape.empty()) {
      out += text[i];
    } else {
      out += escape;
    }
  }
}

std::string fit(std::string_view text, size_t bytes_max) {
  return cut_text(sanitize_utf8(text), bytes_max);
}

}  // namespace

// --- writing --------------------------------------------------------------------------------

void DecibelXmlWriter::attribute(std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out_.append(" ").append(name).append("=\"");
  append_escaped(out_, fit(value, kDecibelFieldBytesMax));
  out_ += '"';
}

void DecibelXmlWriter::attribute(std::string_view name, uint64_t value) {
  attribute(name, std::string_view(std::to_string(value)));
}

void DecibelXmlWriter::attribute(std::string_view name, Instant time) {
  // Others are no times of any test, and no reader would take them.
  const bool is_time = to_us(time) > 0 && to_us(time) <= kTimeUsMax;
  if (is_time) attribute(name, std::string_view(format_rfc3339(time)));
}

void DecibelXmlWriter::element(std::string_view name, std::string_view text) {
  if (text.empty()) return;
  out_.append("<").append(name).append(">");
  append_escaped(out_, fit(text, kDecibelTextBytesMax));
  out_.append("</").append(name).append(">");
}

void DecibelXmlWriter::begin_run(const DecibelRun& run) {
  out_ += "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<run";
  attribute("schema", kSchema);
  attribute("key", run.key);
  attribute("guid", run.guid);
  attribute("supersedes", run.supersedes);
  attribute("sw", run.sw);
  attribute("team", run.team);
  attribute("framework", run.framework);
  attribute("name", run.name);
  attribute("start", run.start);
  attribute("end", run.end);
  attribute("iterations", run.iterations);
  attribute("user", run.user);
  attribute("origin", run.origin);
  attribute("git_url", run.git_url);
  attribute("git_sha1", run.git_sha1);
  if (run.result) attribute("result", to_string(*run.result));
  out_ += ">\n";
  element("info", run.info);
  element("comment", run.comment);
}

void DecibelXmlWriter::begin_suite(const DecibelSuite& suite) {
  out_ += "<suite";
  attribute("name", suite.name);
  attribute("hw", suite.hw);
  if (suite.iteration > 0) attribute("iteration", suite.iteration);
  attribute("start", suite.start);
  attribute("end", suite.end);
  attribute("log_link", suite.log_link);
  attribute("passed", suite.totals.passed);
  attribute("failure", suite.totals.failure);
  attribute("error", suite.totals.error);
  attribute("skipped", suite.totals.skipped);
  if (suite.result) attribute("result", to_string(*suite.result));
  out_ += ">\n";
  element("comment", suite.comment);
}

void DecibelXmlWriter::add_case(const DecibelCase& test) {
  out_ += "<case";
  attribute("package", test.package);
  out_ += " name=\"";  // which has it even when it is empty
  append_escaped(out_, fit(test.name, kDecibelFieldBytesMax));
  out_ += '"';
  attribute("result", to_string(test.result));
  char seconds[32];
  const auto us = static_cast<long long>(std::max<int64_t>(0, test.time.count()));
  std::snprintf(seconds, sizeof seconds, "%lld.%06lld", us / 1'000'000, us % 1'000'000);
  attribute("time", std::string_view(seconds));
  attribute("log_link", test.log_link);
  if (test.info.empty() && test.comment.empty()) {
    out_ += "/>\n";
    return;
  }
  out_ += ">";
  element("info", test.info);
  element("comment", test.comment);
  out_ += "</case>\n";
}

void DecibelXmlWriter::end_suite() { out_ += "</suite>\n"; }
void DecibelXmlWriter::end_run() { out_ += "</run>\n"; }

size_t decibel_xml_size(std::string_view text, size_t bytes_max) {
  std::string out;
  append_escaped(out, fit(text, bytes_max));
  return out.size();
}

// --- reading --------------------------------------------------------------------------------
namespace {

constexpr size_t kIgnoredNameBytesMax = 80;

// The values of one element's attributes. The first that is none is the reason.
class Values {
 public:
  Values(std::string_view element, const XmlAttributes& attributes)
      : element_(element), attributes_(attributes) {}

  std::string field(std::string_view name) { return cut_text(value(name), kDecibelFieldBytesMax); }
  std::string key(std::string_view name) {
    const std::string_view text = value(name);
    if (text.size() > kDecibelKeyBytesMax) {
      wrong(name, "has more than " + std::to_string(kDecibelKeyBytesMax) + " bytes");
    }
    return std::string(text.substr(0, kDecibelKeyBytesMax));
  }
  Instant time(std::string_view name) {
    const std::string_view text = value(name);
    const std::optional<Instant> time = parse_decibel_time(text);
    if (!time && !text.empty()) wrong(name, "is no time, such as 2026-11-23T08:15:30.5Z");
    return time.value_or(kNever);
  }
  uint64_t count(std::string_view name, uint64_t fallback) {
    const std::string_view text = value(name);
    if (text.empty()) return fallback;
    uint64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    // Sums of them fit into SQL's integers.
    if (whole && count <= UINT32_MAX) return count;
    wrong(name, "is no count");
    return fallback;
  }
  Duration seconds(std::string_view name) {
    const std::string_view text = value(name);
    if (text.empty()) return Duration(0);
    double seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (!whole || !(std::abs(seconds) <= kSecondsMax)) {
      wrong(name, "is no number of seconds");
      return Duration(0);
    }
    if (seconds < 0) wrong(name, "is less than 0");
    return Duration(std::llround(seconds * 1e6));
  }
  std::optional<DecibelResult> result(std::string_view name) {
    const std::string_view text = value(name);
    const std::optional<DecibelResult> result = parse_decibel_result(text);
    if (!result && !text.empty()) wrong(name, "is not passed, failure or error");
    return result;
  }
  void need(std::string_view name) {
    const bool found = std::any_of(attributes_.begin(), attributes_.end(),
                                   [&](const auto& attribute) { return attribute.first == name; });
    if (!found) wrong(name, "is missing");
  }

  std::string_view value(std::string_view name) {
    known_.push_back(name);
    return find(name);
  }
  const std::string& reason() const { return reason_; }

  // Those that nobody has asked for. What belongs to XML itself says nothing of a run.
  void tell_ignored(DecibelHandler& handler) const {
    for (const auto& [name, value] : attributes_) {
      const bool is_known = std::find(known_.begin(), known_.end(), name) != known_.end();
      if (is_known || name.starts_with("xml") || name.starts_with("xsi:")) continue;
      handler.note_ignored("attribute " + fit(name, kIgnoredNameBytesMax) + " of <" +
                           std::string(element_) + ">");
    }
  }

 private:
  std::string_view find(std::string_view name) const {
    for (const auto& [key, value] : attributes_) {
      if (key == name) return value;
    }
    return {};
  }
  void wrong(std::string_view name, const std::string& what) {
    if (!reason_.empty()) return;
    reason_ = std::string(name) + " of <" + std::string(element_) + "> " + what;
    if (!find(name).empty()) reason_ += ": " + quote_text(find(name));
  }

  std::string_view element_;
  const XmlAttributes& attributes_;
  std::vector<std::string_view> known_;  // were asked for
  std::string reason_;
};

}  // namespace

DecibelXmlReader::DecibelXmlReader(DecibelHandler& handler) : handler_(handler), xml_(*this) {}

Result<Done> DecibelXmlReader::feed(std::string_view bytes) { return checked(xml_.feed(bytes)); }
Result<Done> DecibelXmlReader::finish() { return checked(xml_.finish()); }

Result<Done> DecibelXmlReader::checked(Result<Done> done) {
  return reason_.empty() ? std::move(done) : Result<Done>(Error{reason_});
}

void DecibelXmlReader::fail(std::string reason) {
  if (!reason_.empty()) return;
  reason_ = "line " + std::to_string(xml_.line()) + ": " + std::move(reason);
}

void DecibelXmlReader::start_element(std::string_view name, const XmlAttributes& attributes) {
  if (!reason_.empty()) return;
  const bool is_inside = unknown_depth_ > 0 || text_ != nullptr;
  if (!is_inside && at_ == At::nowhere) return begin_run(name, attributes);
  if (!is_inside && at_ == At::run && name == "suite") return begin_suite(attributes);
  if (!is_inside && at_ == At::suite && name == "case") return begin_case(attributes);
  std::string* text = is_inside ? nullptr : text_element(name);
  if (text == nullptr) {
    if (unknown_depth_ == 0) {
      handler_.note_ignored("element <" + fit(name, kIgnoredNameBytesMax) + "> of " +
                            std::string(place()));
    }
    ++unknown_depth_;
    return;
  }
  text_ = text;
  text_->clear();
}

void DecibelXmlReader::begin_run(std::string_view name, const XmlAttributes& attributes) {
  Values values("run", attributes);
  if (name != "run")
    return fail("this is no run of tests: it begins with <" + fit(name, 80) +
                "> and not with <run>");
  if (const std::string_view schema = values.value("schema");
      !schema.empty() && schema != kSchema) {
    return fail("it is written by another schema than " + std::string(kSchema) + ": " +
                quote_text(schema));
  }
  at_ = At::run;
  DecibelRun run;
  run.key = values.key("key");
  run.supersedes = values.key("supersedes");
  run.guid = values.field("guid");
  run.sw = values.field("sw");
  run.team = values.field("team");
  run.framework = values.field("framework");
  run.name = values.field("name");
  run.start = values.time("start");
  run.end = values.time("end");
  run.iterations = values.count("iterations", 1);
  run.user = values.field("user");
  run.origin = values.field("origin");
  run.git_url = values.field("git_url");
  run.git_sha1 = values.field("git_sha1");
  run.result = values.result("result");
  run_ = std::move(run);
  values.tell_ignored(handler_);
  if (!values.reason().empty()) fail(values.reason());
}

void DecibelXmlReader::begin_suite(const XmlAttributes& attributes) {
  give_run();
  at_ = At::suite;
  if (++suites_ > kDecibelCasesMax) {
    return fail("there are more than " + std::to_string(kDecibelCasesMax) +
                " suites: send several runs");
  }
  Values values("suite", attributes);
  DecibelSuite suite;
  suite.name = values.field("name");
  suite.hw = values.field("hw");
  suite.iteration = values.count("iteration", 0);
  suite.start = values.time("start");
  suite.end = values.time("end");
  suite.log_link = values.field("log_link");
  suite.totals.passed = values.count("passed", 0);
  suite.totals.failure = values.count("failure", 0);
  suite.totals.error = values.count("error", 0);
  suite.totals.skipped = values.count("skipped", 0);
  suite.result = values.result("result");
  suite_ = std::move(suite);
  values.tell_ignored(handler_);
  if (!values.reason().empty()) fail(values.reason());
}

void DecibelXmlReader::begin_case(const XmlAttributes& attributes) {
  give_suite();
  at_ = At::test;
  if (++cases_ > kDecibelCasesMax) {
    return fail("there are more than " + std::to_string(kDecibelCasesMax) +
                " cases: list fewer, and count the rest in the suite's passed, failure and error");
  }
  Values values("case", attributes);
  values.need("name");
  values.need("result");
  test_ = DecibelCase();
  test_.package = values.field("package");
  test_.name = values.field("name");
  test_.result = values.result("result").value_or(DecibelResult::error);
  test_.time = values.seconds("time");
  test_.log_link = values.field("log_link");
  values.tell_ignored(handler_);
  if (!values.reason().empty()) fail(values.reason());
}

// What the present element is, for people.
std::string_view DecibelXmlReader::place() const {
  if (text_ != nullptr) return "a text";
  return at_ == At::test ? "<case>" : at_ == At::suite ? "<suite>" : "<run>";
}

// Where the text of an element of this name goes, or null. What was given to the handler takes none
// any more.
std::string* DecibelXmlReader::text_element(std::string_view name) {
  if (name == "info") {
    if (at_ == At::run && run_) return &run_->info;
    if (at_ == At::test) return &test_.info;
  } else if (name == "comment") {
    if (at_ == At::run && run_) return &run_->comment;
    if (at_ == At::suite && suite_) return &suite_->comment;
    if (at_ == At::test) return &test_.comment;
  }
  return nullptr;
}

void DecibelXmlReader::text(std::string_view bytes) {
  if (text_ == nullptr || unknown_depth_ > 0 || text_->size() > kDecibelTextBytesMax) return;
  *text_ += bytes.substr(0, kDecibelTextBytesMax + 1);
}

void DecibelXmlReader::end_element(std::string_view /*name*/) {
  if (!reason_.empty()) return;
  if (unknown_depth_ > 0) {
    --unknown_depth_;
  } else if (text_ != nullptr) {
    *text_ = cut_text(sanitize_utf8(*text_), kDecibelTextBytesMax);
    text_ = nullptr;
  } else if (at_ == At::test) {
    handler_.take_case(test_);
    at_ = At::suite;
  } else if (at_ == At::suite) {
    give_suite();
    at_ = At::run;
  } else if (at_ == At::run) {
    if (run_ && !run_->result) {  // else a suite has given it away
      return fail("result of <run> is missing, and so is a <suite>: nothing says what came of it");
    }
    give_run();
  }
}

void DecibelXmlReader::give_run() {
  if (!run_) return;
  handler_.take_run(*run_);
  run_.reset();
}

void DecibelXmlReader::give_suite() {
  if (!suite_) return;
  handler_.take_suite(*suite_);
  suite_.reset();
}

}  // namespace muster
