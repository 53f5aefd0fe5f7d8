#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/guid.h"
#include "core/limits.h"
#include "io/report_case.h"
#include "io/report_reader.h"
#include "io/xml.h"

namespace muster {
namespace {

std::string attribute(const XmlAttributes& attributes, std::string_view name) {
  for (const auto& [key, value] : attributes) {
    if (key == name) return std::string(value);
  }
  return "";
}

// A <testcase> and what stands in it, as events of XML.
class JunitReader final : public ReportReader, private XmlHandler {
 public:
  explicit JunitReader(CaseSink sink) : sink_(std::move(sink)), xml_(*this) {}

  Result<Done> feed(std::string_view bytes) override { return checked(xml_.feed(bytes)); }
  Result<Done> finish() override { return checked(xml_.finish()); }

 private:
  Result<Done> checked(Result<Done> done) const {
    return reason_.empty() ? std::move(done) : Result<Done>(Error{reason_});
  }

  void start_element(std::string_view name, const XmlAttributes& attributes) override {
    if (++depth_ == 1 && name != "testsuites" && name != "testsuite") {
      reason_ = "is not a report of tests: it begins with <" +
                cut_text(sanitize_utf8(name), kCaseNameBytesMax) + ">";
    }
    if (name == "testsuite") {
      suites_.push_back(cut_text(attribute(attributes, "name"), kCaseNameBytesMax));
    } else if (name == "testcase" && !case_) {
      begin_case(attributes);
    } else if (case_ && finding_ == Finding::none) {
      begin_finding(name, attributes);
    }
  }

  void begin_case(const XmlAttributes& attributes) {
    case_.emplace();
    std::string suite = attribute(attributes, "classname");
    if (suite.empty() && !suites_.empty()) suite = suites_.back();
    case_->name(std::move(suite), attribute(attributes, "name"));
    case_->duration(attribute(attributes, "time"));
    if (attribute(attributes, "status") == "notrun") case_->add(Outcome::skip, "", "");
  }

  void begin_finding(std::string_view name, const XmlAttributes& attributes) {
    finding_ = name == "failure"   ? Finding::failure
               : name == "error"   ? Finding::error
               : name == "skipped" ? Finding::skipped
                                   : Finding::none;
    if (finding_ == Finding::none) return;
    finding_depth_ = depth_;
    message_ = cut_text(attribute(attributes, "message"), kMessageLengthMax);
    text_.clear();
  }

  void text(std::string_view bytes) override {
    if (finding_ == Finding::none || text_.size() > kMessageLengthMax) return;
    text_ += bytes.substr(0, kMessageLengthMax + 1);
  }

  void end_element(std::string_view name) override {
    if (finding_ != Finding::none && depth_ == finding_depth_) {
      const Outcome outcome = finding_ == Finding::failure ? Outcome::fail
                              : finding_ == Finding::error ? Outcome::error
                                                           : Outcome::skip;
      case_->add(outcome, message_, text_);
      finding_ = Finding::none;
    } else if (name == "testcase" && case_ && finding_ == Finding::none) {
      sink_(case_->take());
      case_.reset();
    } else if (name == "testsuite" && !suites_.empty()) {
      suites_.pop_back();
    }
    --depth_;
  }

  enum class Finding { none, failure, error, skipped };

  CaseSink sink_;
  XmlReader xml_;
  std::string reason_;
  size_t depth_ = 0;
  std::vector<std::string> suites_;  // open, innermost last
  std::optional<CaseBuilder> case_;
  Finding finding_ = Finding::none;
  size_t finding_depth_ = 0;
  std::string message_;
  std::string text_;
};

}  // namespace

std::unique_ptr<ReportReader> make_junit_reader(CaseSink sink) {
  return std::make_unique<JunitReader>(std::move(sink));
}

}  // namespace muster
