#include "collectors/status_log_sink.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "collectors/append_file.h"
#include "core/guid.h"
#include "io/file.h"

namespace muster {
namespace {

// Up to this many files are synced one by one; for more, the whole file system is cheaper.
constexpr size_t kFilesSyncedAloneMax = 16;

}  // namespace

StatusLogSink::StatusLogSink(std::string state_file, std::string results_dir)
    : state_file_(std::move(state_file)), results_dir_(std::move(results_dir)) {}

Result<SinkPosition> StatusLogSink::open() {
  state_.reset();
  if (Result<Done> made = make_dirs(results_dir_); !made.ok()) return Error{made.error()};
  Result<StatusLogState> state = StatusLogState::open(state_file_);
  if (!state.ok()) return Error{state.error()};
  Result<SinkPosition> position = state->read_position();
  if (!position.ok()) return position;
  cursor_ = position->cursor;
  state_ = std::move(*state);
  return position;
}

Delivery StatusLogSink::deliver(std::span<const SequencedEvent> events,
                                const SinkPosition& position) {
  if (!state_) return Delivery::away(state_file_ + ": the state of status_log is not open");
  const Result<Done> done = deliver_fresh(undelivered(events, cursor_), position);
  if (done.ok()) {
    cursor_ = position.cursor;
  } else {
    state_.reset();
  }
  return Delivery::of(done);
}

// Each file is emptied when its task's first record comes again.
Result<Done> StatusLogSink::rewind(const SinkPosition& to) {
  if (to.cursor != 0) return only_from_the_beginning(*this);
  const Result<SinkPosition> held = open();
  if (!held.ok()) return Error{held.error()};
  Result<Done> done = check_history(*this, *held, to);
  if (done.ok()) done = state_->forget();
  state_.reset();
  return done;
}

Result<Done> StatusLogSink::deliver_fresh(std::span<const SequencedEvent> events,
                                          const SinkPosition& position) {
  TouchedLogs logs;
  for (const SequencedEvent& at : events) {
    if (Result<Done> done = take(at.event, logs); !done.ok()) return done;
  }
  if (Result<Done> done = append_files(logs); !done.ok()) return done;
  return state_->commit(changes(logs), position);
}

Result<Done> StatusLogSink::take(const Event& event, TouchedLogs& logs) {
  const std::string_view guid = event_guid(event);
  if (guid.empty()) return Done{};
  auto touched = logs.find(guid);
  if (touched == logs.end()) {
    Result<std::optional<StatusLogRow>> row = state_->find(guid);
    if (!row.ok()) return Error{row.error()};
    const auto* submitted = std::get_if<TaskSubmitted>(&event.body);
    // Words about a task that ended long ago, or never began, have no place in any log.
    if (!*row && submitted == nullptr) return Done{};
    const bool stored = row->has_value();
    if (!stored) *row = StatusLogRow{0, {submitted->spec->kind, false, false, {}}};
    touched = logs.emplace(guid, Touched{stored, (*row)->bytes, (*row)->state,
                                         TaskLog((*row)->state), ""})
                  .first;
  }
  touched->second.text += touched->second.log.take(event);
  return Done{};
}

Result<Done> StatusLogSink::append_files(TouchedLogs& logs) {
  bool new_dirs = false;
  size_t written = 0;
  for (const auto& [guid, touched] : logs) written += touched.text.empty() ? 0 : 1;
  size_t cut = 0;  // files that somebody has removed or cut
  std::string cut_file;
  const bool sync_each = written <= kFilesSyncedAloneMax;
  for (auto& [guid, touched] : logs) {
    if (touched.text.empty()) continue;
    const std::string dir = results_dir_ + "/" + percent_encode(guid);
    Result<uint64_t> length = append_at(dir, "status.log", touched.bytes, touched.text, sync_each);
    if (!length.ok()) return Error{length.error()};
    if (*length < touched.bytes + touched.text.size()) {
      ++cut;
      if (cut_file.empty()) cut_file = dir + "/status.log";
    }
    new_dirs = new_dirs || touched.bytes == 0;
    touched.bytes = *length;
  }
  if (cut > 0) {
    const std::string others = cut == 1 ? "" : " and " + std::to_string(cut - 1) + " more";
    spdlog::warn(
        "status_log: {}{} lack what was written to them: somebody has removed or cut "
        "them; to have all of them written anew: muster sink replay status_log",
        cut_file, others);
  }
  if (written > 0 && !sync_each) return sync_file_system(results_dir_);
  if (new_dirs) return sync_dir(results_dir_);
  return Done{};
}

std::vector<StatusLogChange> StatusLogSink::changes(const TouchedLogs& logs) const {
  std::vector<StatusLogChange> changes;
  for (const auto& [guid, touched] : logs) {
    const TaskLogState state = touched.log.state();
    const bool changed = !touched.stored || !touched.text.empty() || state != touched.before;
    if (changed) changes.push_back({guid, StatusLogRow{touched.bytes, state}});
  }
  return changes;
}

}  // namespace muster
