// Whatever the bytes of muster.yaml or panotti.json are: problems with their places, or a
// configuration within its bounds.
#include "io/config.h"
#include "tests/support/fuzz_check.h"
#include "tests/support/fuzz_file.h"

namespace muster {
namespace {

void check(const FuzzFile& scratch, std::string_view bytes) {
  scratch.write(bytes);
  const ConfigFile file = load_config(Home{scratch.dir()});
  require_lines(file.problems);
  require(!file.config.endpoint.empty() && !file.config.listen.empty());
  if (file.problems.has_errors()) return;
  require(!invalid_name(file.config.worker.name, "worker"));
  require(file.config.lease >= kLeaseMin && file.config.beat > Duration{0});
}

}  // namespace
}  // namespace muster

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const muster::FuzzFile config("muster.yaml");
  static const muster::FuzzFile panotti("panotti.json");
  const std::string_view bytes = muster::fuzz_bytes(data, size);
  muster::check(config, bytes);
  muster::check(panotti, bytes);
  return 0;
}
