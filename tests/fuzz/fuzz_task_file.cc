// Whatever the bytes are: problems with their places, or tasks that a worker can read.
#include "core/guid.h"
#include "io/codec.h"
#include "io/task_file.h"
#include "tests/support/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(muster::fuzz_bytes(data, size));
  const muster::TaskFile file = muster::parse_task_file(text, "/nowhere/task.yaml");
  muster::require_lines(file.problems);
  if (file.problems.has_errors()) return 0;
  muster::require(!file.tasks.empty());
  for (const muster::TaskSpec& spec : file.tasks) {
    muster::require(spec.guid.empty() || !muster::invalid_guid(spec.guid));
    muster::require(muster::decode_work(spec.work).ok());
  }
  return 0;
}
