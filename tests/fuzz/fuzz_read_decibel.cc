// Whatever the bytes are: a reason, or a document that is the same however it is cut, keeps to its
// bounds, and is read back from what is written of it.
#include <cstdint>
#include <cstdlib>

#include "core/guid.h"
#include "tests/support/decibel_document.h"

namespace {

using muster::DecibelDocument;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_written(const DecibelDocument& document) {
  const muster::ReadDecibel again = muster::read_decibel_xml(muster::write_decibel(document));
  require(again.reason.empty());
  require(again.document.suites.size() == document.suites.size());
  for (size_t i = 0; i < document.suites.size(); ++i) {
    const auto& [suite, cases] = document.suites[i];
    require(again.document.suites[i].first.totals == suite.totals);
    require(again.document.suites[i].second.size() == cases.size());
    for (const muster::DecibelCase& test : cases) {
      require(muster::is_utf8(test.info) && test.info.size() <= muster::kDecibelTextBytesMax);
      require(muster::is_utf8(test.name) && test.name.size() <= muster::kDecibelFieldBytesMax);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const muster::ReadDecibel whole = muster::read_decibel_xml(bytes);
  const muster::ReadDecibel pieces = muster::read_decibel_xml(bytes, 3);
  require(whole.reason.empty() == pieces.reason.empty());
  if (whole.reason.empty()) {
    require(whole.document == pieces.document);
    check_written(whole.document);
  }
  const muster::ReadDecibel json = muster::read_marionette(bytes);
  if (json.reason.empty()) check_written(json.document);
  return 0;
}
