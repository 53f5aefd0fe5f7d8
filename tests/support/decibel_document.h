// Documents of deciBel as values, for tests and fuzzers.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/decibel_json.h"
#include "io/decibel_xml.h"

namespace muster {

struct DecibelDocument {
  std::vector<DecibelRun> runs;  // one, when it is whole
  std::vector<std::pair<DecibelSuite, std::vector<DecibelCase>>> suites;
  bool operator==(const DecibelDocument&) const = default;
};

class DecibelCollector final : public DecibelHandler {
 public:
  void take_run(const DecibelRun& run) override { document.runs.push_back(run); }
  void take_suite(const DecibelSuite& suite) override { document.suites.push_back({suite, {}}); }
  void take_case(const DecibelCase& test) override {
    document.suites.back().second.push_back(test);
  }

  void note_ignored(const std::string& what) override { ignored.push_back(what); }

  DecibelDocument document;
  std::vector<std::string> ignored;
};

// What a reader gave, and why it stopped; empty: it did not.
struct ReadDecibel {
  DecibelDocument document;
  std::string reason;
  std::vector<std::string> ignored;
};

inline ReadDecibel read_decibel_xml(std::string_view xml, size_t piece = SIZE_MAX) {
  DecibelCollector collector;
  DecibelXmlReader reader(collector);
  Result<Done> done = Done{};
  while (done.ok() && !xml.empty()) {
    done = reader.feed(xml.substr(0, piece));
    xml.remove_prefix(std::min(piece, xml.size()));
  }
  if (done.ok()) done = reader.finish();
  return {std::move(collector.document), done.ok() ? "" : done.error(),
          std::move(collector.ignored)};
}

inline ReadDecibel read_marionette(std::string_view json) {
  DecibelCollector collector;
  const Result<Done> done = muster::read_decibel_json(json, collector);
  return {std::move(collector.document), done.ok() ? "" : done.error(),
          std::move(collector.ignored)};
}

inline std::string write_decibel(const DecibelDocument& document) {
  DecibelXmlWriter writer;
  writer.begin_run(document.runs.at(0));
  for (const auto& [suite, cases] : document.suites) {
    writer.begin_suite(suite);
    for (const DecibelCase& test : cases) writer.add_case(test);
    writer.end_suite();
  }
  writer.end_run();
  return writer.take();
}

}  // namespace muster
