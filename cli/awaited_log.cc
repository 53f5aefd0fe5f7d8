#include "cli/awaited_log.h"

#include <poll.h>

#include <utility>

#include "cli/archive_client.h"
#include "io/archive_name.h"
#include "io/clock.h"

namespace muster {
namespace {

constexpr int kLookAgainMs = 20;

}  // namespace

AwaitedLog::AwaitedLog(Session& session, std::string guid, AttemptInfo attempt, uint64_t offset)
    : session_(session),
      guid_(std::move(guid)),
      attempt_(std::move(attempt)),
      offset_(offset),
      may_come_(file_url_path(attempt_.log_url).has_value()) {
  open();
}

bool AwaitedLog::open() {
  if (tail_) return true;
  Result<LogTail> opened = open_log(session_, guid_, attempt_, offset_);
  why_ = opened ? "" : opened.error();
  if (opened) tail_ = std::move(*opened);
  return tail_.has_value();
}

void AwaitedLog::print_new() {
  if (open()) tail_->print_new(session_.output());
}

Result<Done> AwaitedLog::print_all() {
  if (!open()) return Error{why_};
  return tail_->print_all(session_.output());
}

bool AwaitedLog::print_rest(Duration patience) {
  const int64_t begun_us = boot_us();
  while (!open()) {
    if (!may_come_ || boot_us() - begun_us > patience.count()) return false;
    ::poll(nullptr, 0, kLookAgainMs);
  }
  return tail_->print_rest(session_.output(), patience);
}

}  // namespace muster
