#include "cli/progress_line.h"

namespace muster {
namespace {

constexpr Duration kPlainLineEvery = 5s;

}  // namespace

void ProgressLine::show(const std::string& text) {
  if (!output_.is_human()) return;
  if (output_.stderr_is_terminal()) return output_.progress(text);
  const int64_t now_us = boot_us();
  if (text == said_ || now_us - said_us_ < kPlainLineEvery.count()) return;
  output_.talk(text);
  said_ = text;
  said_us_ = now_us;
}

}  // namespace muster
