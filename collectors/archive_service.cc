#include "collectors/archive_service.h"

#include <spdlog/spdlog.h>

#include "core/duration_text.h"

namespace muster {
namespace {

constexpr Duration kSweepEvery = 10min;

}  // namespace

ArchiveService::ArchiveService(const Home& home, const Config& config)
    : limits_{config.archive.keep, config.archive.bytes_max},
      store_(home.archive_dir()),
      http_(store_, clock_),
      sweeper_([this] { sweep_again_and_again(); }) {}

ArchiveService::~ArchiveService() {
  stop_.raise();
  http_.stop();
}

void ArchiveService::sweep_again_and_again() {
  while (!stop_.raised()) {
    const ArchiveSweep sweep = store_.sweep(limits_, clock_.now());
    if (sweep.removed_folders > 0) {
      spdlog::info("archive: removed {} of {} tasks; {} of {} are left",
                   format_size(sweep.removed_bytes), sweep.removed_folders,
                   format_size(sweep.bytes), sweep.folders);
    }
    for (const std::string& problem : sweep.problems) spdlog::warn("archive: {}", problem);
    if (sweep.bytes > limits_.bytes_max) {
      spdlog::warn("archive: {} are more than the {} it may have, but pinned or being written",
                   format_size(sweep.bytes), format_size(limits_.bytes_max));
    }
    stop_.wait_for(kSweepEvery);
  }
}

}  // namespace muster
