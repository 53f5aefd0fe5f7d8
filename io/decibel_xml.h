// deciBel's documents as XML (schemas/xml/decibel.xsd):
//
//   <?xml version="1.0" encoding="UTF-8"?>
//   <run schema="muster.decibel/1" key="LOG:SEQ" guid="nightly/17" name="smoke" iterations="1"
//        start="2026-11-23T08:15:30.123456Z" ... result="failure">
//     <info>2 of 3 passed</info>
//     <suite name="net" hw="phone-7" ... passed="1" failure="1" error="0" skipped="0"
//            result="failure">
//       <case package="net" name="dhcp" result="passed" time="1.500000"/>
//       <case package="net" name="dns" result="failure" time="0.020000"><info>no
//       answer</info></case>
//     </suite>
//   </run>
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "io/decibel_run.h"
#include "io/xml.h"

namespace muster {

// Writes one document, piece by piece. Bytes that are not UTF-8, and characters that no XML can
// have, become U+FFFD; what is longer than it may be is cut.
class DecibelXmlWriter {
 public:
  void begin_run(const DecibelRun& run);
  void begin_suite(const DecibelSuite& suite);
  void add_case(const DecibelCase& test);
  void end_suite();
  void end_run();

  // What was written.
  std::string take() { return std::move(out_); }

 private:
  void attribute(std::string_view name, std::string_view value);
  void attribute(std::string_view name, uint64_t value);
  void attribute(std::string_view name, Instant time);
  void element(std::string_view name, std::string_view text);

  std::string out_;
};

// How many bytes `text` takes in such a document, when it is cut to `bytes_max` first.
size_t decibel_xml_size(std::string_view text, size_t bytes_max);

// Reads one document piece by piece, in bounded memory. What it does not know is passed over, and
// the handler is told so.
class DecibelXmlReader final : private XmlHandler {
 public:
  explicit DecibelXmlReader(DecibelHandler& handler);

  // Errors say the line: no XML, no such document, a value that is none, or more of something than
  // a document may have. What was given to the handler before is to be forgotten then.
  Result<Done> feed(std::string_view bytes);
  Result<Done> finish();

 private:
  enum class At : uint8_t { nowhere, run, suite, test };

  void start_element(std::string_view name, const XmlAttributes& attributes) override;
  void end_element(std::string_view name) override;
  void text(std::string_view bytes) override;

  void begin_run(std::string_view name, const XmlAttributes& attributes);
  void begin_suite(const XmlAttributes& attributes);
  void begin_case(const XmlAttributes& attributes);
  std::string* text_element(std::string_view name);
  std::string_view place() const;
  void give_run();
  void give_suite();
  void fail(std::string reason);
  Result<Done> checked(Result<Done> done);

  DecibelHandler& handler_;
  XmlReader xml_;
  std::string reason_;  // empty: nothing is wrong
  At at_ = At::nowhere;
  size_t unknown_depth_ = 0;           // in elements that are passed over
  std::string* text_ = nullptr;        // where the text of the present element goes
  std::optional<DecibelRun> run_;      // not given yet
  std::optional<DecibelSuite> suite_;  // likewise
  DecibelCase test_;
  size_t suites_ = 0;
  size_t cases_ = 0;
};

}  // namespace muster
