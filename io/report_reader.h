// Readers of what tests leave as files: JUnit XML, googletest's XML and JSON, CSV. They are fed
// piece by piece and give what they find at once, so that neither the size of a file nor a hostile
// one costs memory: what one piece must hold is bounded (core/limits.h), and beyond it the file is
// refused with the reason and the line. What was found before stays found.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/report.h"
#include "core/result.h"

namespace muster {

class ReportReader {
 public:
  virtual ~ReportReader() = default;

  // The next bytes, cut anywhere. After an error, nothing more is to be fed.
  virtual Result<Done> feed(std::string_view bytes) = 0;
  // The file has ended. An error when it is not whole.
  virtual Result<Done> finish() = 0;
};

using CaseSink = std::function<void(CaseResult)>;
using MeasurementSink = std::function<void(Measurement)>;

// <testcase> elements anywhere under <testsuites> or <testsuite>.
// - The suite is the case's classname, else the name of the <testsuite> around it.
// - The outcome is the worst of its <error>, <failure> and <skipped>; status="notrun" is a skip.
// - The message is theirs: their text, or their message attribute where the text does not have it.
// Declarations of entities are refused; none are needed, and bombs are made of them.
std::unique_ptr<ReportReader> make_junit_reader(CaseSink sink);

// What --gtest_output=xml:FILE and =json:FILE write; the first byte tells which it is.
std::unique_ptr<ReportReader> make_gtest_reader(CaseSink sink);

// RFC 4180, LF or CRLF. The first record names the columns. A field without quotes is a value as
// parse_measure_value has it, and no value when it is empty; a field in quotes is text. A row
// without values is left out.
std::unique_ptr<ReportReader> make_csv_reader(std::string table, MeasurementSink sink);

}  // namespace muster
