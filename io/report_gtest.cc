#include <optional>
#include <utility>
#include <vector>

#include "core/guid.h"
#include "core/limits.h"
#include "io/json_stream.h"
#include "io/report_case.h"
#include "io/report_reader.h"

namespace muster {
namespace {

// {"testsuites": [{"name": SUITE, "testsuite": [{"name", "classname", "time", "status", "result",
// "failures": [{"failure"}], "skipped": [{"message"}]}]}]}. Unknown members are passed over.
class GtestJsonReader final : public ReportReader, private JsonHandler {
 public:
  explicit GtestJsonReader(CaseSink sink)
      : sink_(std::move(sink)), json_(*this, kMessageLengthMax + 1) {}

  Result<Done> feed(std::string_view bytes) override { return json_.feed(bytes); }
  Result<Done> finish() override {
    Result<Done> done = json_.finish();
    if (done.ok() && !has_suites_) return Error{"is not a report of googletest: no \"testsuites\""};
    return done;
  }

 private:
  // One case, as far as it was read.
  struct Case {
    std::string suite;
    std::string name;
    std::string time;
    bool skipped = false;
    std::vector<std::pair<Outcome, std::string>> findings;
    size_t bytes = 0;  // of findings
  };

  // Where we are: the keys above, outermost first; the element of an array has an empty one.
  bool in(std::initializer_list<std::string_view> path) const {
    return std::equal(path.begin(), path.end(), path_.begin(), path_.end());
  }
  bool in_case() const { return in({"", "testsuites", "", "testsuite", ""}); }
  bool in_finding(std::string_view list) const {
    return in({"", "testsuites", "", "testsuite", "", list, ""});
  }

  void enter() {
    path_.push_back(std::exchange(key_, {}));
    if (in_case()) case_ = Case{suite_, "", "", false, {}, 0};
  }
  void leave() {
    if (in_case()) end_case();
    path_.pop_back();
  }

  void begin_object() override { enter(); }
  void end_object() override { leave(); }
  void begin_array() override {
    if (in({""}) && key_ == "testsuites") has_suites_ = true;
    enter();
  }
  void end_array() override { leave(); }
  void key(std::string_view text) override { key_ = text; }
  void number(std::string_view) override { key_.clear(); }
  void literal(std::string_view) override { key_.clear(); }

  void text(std::string_view text) override {
    const std::string key = std::exchange(key_, {});
    if (in({"", "testsuites", ""}) && key == "name") {
      suite_ = text;
    } else if (in_case()) {
      take_member(key, text);
    } else if (in_finding("failures") && key == "failure") {
      add_finding(Outcome::fail, text);
    } else if (in_finding("skipped") && key == "message") {
      add_finding(Outcome::skip, text);
    }
  }

  void take_member(std::string_view key, std::string_view text) {
    if (key == "name") case_.name = text;
    if (key == "classname") case_.suite = text;
    if (key == "time") case_.time = text;
    if (key == "status" && text == "NOTRUN") case_.skipped = true;
    if (key == "result" && text == "SKIPPED") case_.skipped = true;
  }

  void add_finding(Outcome outcome, std::string_view text) {
    case_.bytes += text.size();
    if (!case_.findings.empty() && case_.bytes > kMessageLengthMax) return;
    case_.findings.emplace_back(outcome, text);
  }

  void end_case() {
    CaseBuilder builder;
    builder.name(case_.suite, case_.name);
    builder.duration(case_.time);
    if (case_.skipped) builder.add(Outcome::skip, "", "");
    for (const auto& [outcome, text] : case_.findings) builder.add(outcome, "", text);
    sink_(builder.take());
  }

  CaseSink sink_;
  JsonStream json_;
  std::vector<std::string> path_;
  std::string key_;
  bool has_suites_ = false;
  std::string suite_;
  Case case_;
};

// Waits for the first byte.
class GtestReader final : public ReportReader {
 public:
  explicit GtestReader(CaseSink sink) : sink_(std::move(sink)) {}

  Result<Done> feed(std::string_view bytes) override {
    if (!reader_) {
      bytes.remove_prefix(std::min(bytes.find_first_not_of(" \t\r\n"), bytes.size()));
      if (bytes.empty()) return Done{};
      if (bytes[0] == '{') {
        reader_ = std::make_unique<GtestJsonReader>(sink_);
      } else {
        reader_ = make_junit_reader(sink_);
      }
    }
    return reader_->feed(bytes);
  }
  Result<Done> finish() override {
    if (!reader_) return Error{"is empty"};
    return reader_->finish();
  }

 private:
  CaseSink sink_;
  std::unique_ptr<ReportReader> reader_;
};

}  // namespace

std::unique_ptr<ReportReader> make_gtest_reader(CaseSink sink) {
  return std::make_unique<GtestReader>(std::move(sink));
}

}  // namespace muster
