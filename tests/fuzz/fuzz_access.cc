// Whatever a file of grants holds: problems by line, or grants that are written back as they were
// read; and what is not a public key is none.
#include "core/access.h"
#include "tests/support/fuzz_check.h"

namespace muster {
namespace {

void check(std::string_view text) {
  const AccessFile file = parse_access_file(text);
  for (const std::string& problem : file.problems) require(is_line(problem));
  std::string again;
  for (const auto& [key, grant] : file.list.by_key()) {
    require(!invalid_public_key(key) && !invalid_grant(grant));
    again += access_line(key, grant);
  }
  const AccessFile second = parse_access_file(again);
  require(second.problems.empty() && second.list == file.list);
  for (const auto& [key, grant] : file.list.by_key()) {
    require(parse_access_file(without_key(again, grant.name)).list.find(key) == nullptr);
  }
  invalid_public_key(text);
}

}  // namespace
}  // namespace muster

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  muster::check(muster::fuzz_bytes(data, size));
  return 0;
}
