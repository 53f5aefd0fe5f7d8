// muster broker log: status, verify, export, trim and forget. What is asked of a running broker is
// asked there; what is only read, and what is changed while none runs, lies in the home.
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>

#include "cli/render_broker.h"
#include "cli/verbs.h"
#include "io/event_json.h"
#include "io/event_log_sqlite.h"
#include "io/file.h"
#include "io/log_check.h"
#include "io/log_state.h"
#include "io/recovery.h"

namespace muster {
namespace {

constexpr uint64_t kProgressEvents = 100'000;
constexpr size_t kTrimBytes = 64 << 20;  // of one transaction

std::unique_ptr<LogView> view_log(Session& session) {
  Result<std::unique_ptr<LogView>> log = view_event_log_sqlite(session.home().broker_dir());
  if (log.ok()) return std::move(*log);
  const std::string file = session.home().broker_dir() + "/events.db";
  throw Failure{kExitLocal, log.error(),
                ::access(file.c_str(), F_OK) == 0
                    ? "restore the whole directory from a backup, or see which home: --home"
                    : "the log of a broker elsewhere is read there; which home: --home"};
}

bool broker_runs(Session& session) {
  return !session.is_home_broker() ||
         PidFile::holder(session.home().broker_dir() + "/lock").has_value();
}

LogState state_of(const LogView& log, const Config& config) {
  Result<std::vector<LogReader>> readers = log.readers();
  if (!readers.ok()) throw Failure{kExitLocal, readers.error(), ""};
  return make_log_state(log, config.event_log.keeping, std::move(*readers));
}

// The log for changing it, while no broker does.
std::unique_ptr<EventLog> open_log(Session& session) {
  view_log(session);  // a home without a log does not get one by this
  Result<std::unique_ptr<EventLog>> log = open_event_log_sqlite(session.home().broker_dir());
  if (log.ok()) return std::move(*log);
  throw Failure{kExitLocal, log.error(), ""};
}

void ask_fault(const AppendResult& result) {
  if (result.fault != AppendFault::none) throw Failure{kExitLocal, result.reason, ""};
}

// Without a broker: by the same rules, all at once.
TrimLogReply trim_here(Session& session, const LogTrimOptions& options) {
  const auto plan = [&](const LogView& log) {
    return plan_trim(state_of(log, session.config()), options.before);
  };
  if (options.dry_run) return plan(*view_log(session));
  const std::unique_ptr<EventLog> log = open_log(session);
  TrimLogReply reply = plan(*log);
  for (uint64_t tail = 0; log->tail() < reply.before && log->tail() != tail;) {
    tail = log->tail();
    ask_fault(log->trim(reply.before, kTrimBytes));
  }
  return reply;
}

}  // namespace

int do_verb(Session& session, const LogStatusOptions&) {
  const LogState state = broker_runs(session) ? session.ask_for<LogState>(AskLog{})
                                              : state_of(*view_log(session), session.config());
  Output& output = session.output();
  output.show_one([&] { return render_log_state(state, output.look()); },
                  [&] { return log_state_json(state); },
                  [&] { return std::to_string(state.head); });
  return kExitOk;
}

int do_verb(Session& session, const LogVerifyOptions&) {
  Output& output = session.output();
  const std::unique_ptr<LogView> log = view_log(session);
  uint64_t told = 0;
  const LogCheck check = check_log(*log, [&](uint64_t seq) {
    if (seq < told + kProgressEvents) return;
    told = seq;
    output.progress("event " + std::to_string(seq) + " of " + std::to_string(log->head()));
  });
  output.clear_progress();
  output.show_one([&] { return render_log_check(check, output.look()); },
                  [&] { return log_check_json(check); },
                  [&] { return std::string(check.sound() ? "sound" : "damaged"); });
  return check.sound() ? kExitOk : kExitFailed;
}

int do_verb(Session& session, const LogExportOptions& options) {
  const std::unique_ptr<LogView> log = view_log(session);
  Output& output = session.output();
  std::ofstream file;
  if (!options.file.empty()) {
    file.open(options.file, std::ios::binary | std::ios::trunc);
    if (!file) throw Failure{kExitLocal, "cannot write " + options.file, "choose another --file"};
  }
  if (options.from > 1 && options.from < log->tail()) {
    throw Failure{kExitUsageError,
                  "the events before " + std::to_string(log->tail()) + " were trimmed",
                  "begin there: --from " + std::to_string(log->tail())};
  }
  const uint64_t from = std::max(options.from, log->tail());
  uint64_t at = from;
  while (at <= std::min(options.to, log->head())) {
    const Result<std::vector<StoredBlock>> blocks = log->read(at, 1 << 20);
    if (!blocks.ok() || blocks->empty()) {
      throw Failure{kExitLocal, blocks.ok() ? "the log ends early" : blocks.error(),
                    "see: muster broker log verify"};
    }
    for (const StoredBlock& stored : *blocks) {
      const Result<Block> block = decode_block(stored.bytes);
      if (!block.ok()) throw Failure{kExitLocal, block.error(), "see: muster broker log verify"};
      std::string lines;
      for (size_t i = 0; i < block->events.size(); ++i) {
        const uint64_t seq = block->first + i;
        const bool unknown = std::binary_search(block->unknown.begin(), block->unknown.end(), i);
        if (seq >= from && seq <= options.to && !unknown) {
          lines += event_to_json(seq, block->events[i]) + "\n";
        }
      }
      at = stored.first + stored.count;
      if (options.file.empty()) {
        output.print(lines);
      } else {
        file << lines;
      }
    }
  }
  if (!options.file.empty() && !file.flush()) {
    throw Failure{kExitLocal, "cannot write " + options.file, "is the disk full?"};
  }
  return kExitOk;
}

int do_verb(Session& session, const LogTrimOptions& options) {
  TrimLogReply reply;
  if (broker_runs(session)) {
    session.set_role(Role::admin);
    reply =
        session.ask_for<TrimLogReply>(TrimLog{options.before, options.dry_run, Session::user()});
  } else {
    reply = trim_here(session, options);
  }
  session.output().show_one([&] { return render_trim(reply, options.dry_run); },
                            [&] { return trim_json(reply, options.dry_run); },
                            [&] { return std::to_string(reply.before); });
  return kExitOk;
}

int do_verb(Session& session, const LogForgetOptions& options) {
  LogState state;
  if (broker_runs(session)) {
    session.set_role(Role::admin);
    state = session.ask_for<LogState>(ForgetReader{options.reader, Session::user()});
  } else {
    const std::unique_ptr<EventLog> log = open_log(session);
    const LogState before = state_of(*log, session.config());
    const bool known =
        std::any_of(before.readers.begin(), before.readers.end(),
                    [&](const LogReader& reader) { return reader.name == options.reader; });
    if (!known) {
      throw Failure{kExitUsageError,
                    "nobody reads the log by the name \"" + printable(options.reader) + "\"",
                    "see: muster broker log status"};
    }
    ask_fault(log->forget_reader(options.reader));
    state = state_of(*log, session.config());
  }
  Output& output = session.output();
  output.show_one([&] { return render_log_state(state, output.look()); },
                  [&] { return log_state_json(state); }, [&] { return options.reader; });
  return kExitOk;
}

}  // namespace muster
