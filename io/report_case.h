// A test case as readers of reports put it together. For io/report_*.cc.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/report.h"

namespace muster {

class CaseBuilder {
 public:
  void name(std::string suite, std::string name);
  // Seconds: "0.012", "1,234.5", "0.012s". Anything else is no time.
  void duration(std::string_view seconds);
  // One failure, error or skip: its short message and its text, either of which may be empty.
  void add(Outcome outcome, std::string_view message, std::string_view text);
  // The case, with bounded text in UTF-8.
  CaseResult take();

 private:
  CaseResult result_{"", "", Outcome::pass, Duration{0}, ""};
};

}  // namespace muster
