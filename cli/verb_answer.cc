// muster events, result: what is known about tasks beyond their state.
#include <algorithm>
#include <deque>
#include <optional>
#include <thread>

#include "cli/api_client.h"
#include "cli/event_feed.h"
#include "cli/event_stream.h"
#include "cli/ledger_wait.h"
#include "cli/lookup.h"
#include "cli/render_event.h"
#include "cli/render_result.h"
#include "cli/render_task.h"
#include "cli/values.h"
#include "cli/verbs.h"
#include "cli/watch.h"
#include "core/guid.h"
#include "core/limits.h"
#include "core/status_record.h"
#include "core/suggest.h"
#include "io/event_json.h"
#include "io/file.h"

namespace muster {
namespace {

// Without -n and a task, so many of the newest events are shown.
constexpr uint64_t kEventsDefault = 50;
// How often the terminal is told what a feed says about itself.
constexpr Duration kFeedTick = 1s;
// How long the collector may take to close the groups of a task that has ended.
constexpr Duration kStatusLogPatience = 5s;
constexpr Duration kPollInterval = 50ms;  // nobody tells when the file is there
constexpr size_t kStatusLogBytesMax = 256 << 20;

// --- events ---

struct EventFilter {
  std::string guid;
  std::string type;

  bool matches(const Event& event) const {
    return (guid.empty() || event_guid(event) == guid) &&
           (type.empty() || event_type(event) == type);
  }
};

// Prints events one by one, or keeps them for one document.
class EventPrinter {
 public:
  EventPrinter(Output& output, bool is_endless)
      : output_(output), as_document_(output.format() == Format::json && !is_endless) {}

  void print(const NumberedEvent& numbered) {
    print(numbered.seq, numbered.event, [&] { return event_json(numbered.seq, numbered.event); });
  }

  // Of a type that this build does not know nothing is printed.
  void print(const FeedItem& item) {
    const std::optional<Event> event = event_from_json(item.json);
    if (event) print(item.seq, *event, [&] { return event_json(item.json); });
  }

  void finish() {
    if (as_document_) output_.print(list_json("event", lines_) + "\n");
  }

 private:
  template <typename ToJson>
  void print(uint64_t seq, const Event& event, const ToJson& to_json) {
    if (output_.is_human()) return output_.print(render_event(seq, event, output_.look()));
    if (output_.format() == Format::quiet) return output_.print(std::to_string(seq) + "\n");
    if (as_document_) return lines_.push_back(to_json());
    output_.print(to_json() + "\n");
  }

  Output& output_;
  bool as_document_;
  std::vector<std::string> lines_;
};

// Where to begin reading. A task's events cannot come before its submission, which the ledger
// knows; the newest N without a filter are the last N of the log.
uint64_t first_event(Session& session, const EventFilter& filter, uint64_t head, uint64_t newest) {
  if (!filter.guid.empty()) {
    LedgerEventFilter question;
    question.guid = filter.guid;
    question.max = 1;
    LedgerReader* ledger = session.ledger();
    if (ledger == nullptr) return 1;
    const Result<std::vector<LedgerEvent>> events = ledger->events(question);
    return events && !events->empty() ? events->front().seq : 1;
  }
  if (!filter.type.empty() || newest == 0) return 1;
  return head > newest ? head - newest + 1 : 1;
}

// The newest `count_max` events that match (0: all), of those up to `head`.
void print_newest(EventStream& stream, uint64_t head, const EventFilter& filter, uint64_t count_max,
                  EventPrinter& printer) {
  std::deque<NumberedEvent> kept;
  while (stream.position() <= head) {
    for (NumberedEvent& numbered : stream.next(Duration(0))) {
      if (!filter.matches(numbered.event)) continue;
      kept.push_back(std::move(numbered));
      if (count_max != 0 && kept.size() > count_max) kept.pop_front();
    }
  }
  for (const NumberedEvent& numbered : kept) printer.print(numbered);
}

// The first `count_max` events that match (0: all) up to `head`, or without end.
void print_oldest(EventStream& stream, uint64_t head, const EventFilter& filter, uint64_t count_max,
                  EventPrinter& printer) {
  uint64_t printed = 0;
  while (stream.position() <= head) {
    for (const NumberedEvent& numbered : stream.next(kFetchWaitMax / 3)) {
      if (!filter.matches(numbered.event)) continue;
      printer.print(numbered);
      if (++printed == count_max) return;
    }
  }
}

// An event of a log, by its number.
struct LogPlace {
  uint64_t seq = 0;
  std::string log_id;
  uint64_t head = 0;  // the newest of that log, as far as is known
};

// Prints what the collector's feed has from event `from` on, until it is gone or `count_max` events
// (0: without end) were printed. Gives where to go on, or nothing when that was all.
std::optional<uint64_t> follow_feed(Session& session, const LogPlace& from,
                                    const EventFilter& filter, uint64_t count_max,
                                    EventPrinter& printer, uint64_t& printed) {
  const Result<ApiAddress> address = collector_address(session.home(), session.config());
  const bool has_feed = session.is_home_broker() && address && address->is_likely;
  // Of what is far ahead the feed says that it is not there; the broker waits for it.
  if (!has_feed || from.seq > from.head + 1) return from.seq;
  EventFeed feed(*address, from.seq, from.log_id, filter.type, filter.guid);
  for (bool told_away = false;;) {
    for (const FeedItem& item : feed.next(kFeedTick)) {
      printer.print(item);
      if (++printed == count_max) return std::nullopt;
    }
    if (!feed.gone().empty()) break;
    if (!feed.away().empty() && !told_away) {
      session.output().talk("the broker at " + session.endpoint() +
                            " is silent; still waiting for it");
    }
    if (feed.away().empty() && told_away) session.output().talk("the broker is back");
    told_away = !feed.away().empty();
  }
  if (feed.is_of_other_log()) throw other_log(feed.position());
  session.output().talk("the collector's feed is gone (" + feed.gone() +
                        "); going on with the broker's own log");
  return feed.position();
}

// Prints events from `from` on, as they happen: from the collector's feed, or from the broker where
// there is no collector.
void follow(Session& session, const LogPlace& from, const EventFilter& filter, uint64_t count_max,
            EventPrinter& printer) {
  uint64_t printed = 0;
  const std::optional<uint64_t> rest =
      follow_feed(session, from, filter, count_max, printer, printed);
  if (!rest) return;
  EventStream stream(session, *rest, from.log_id, EventStream::Patience::wait);
  print_oldest(stream, UINT64_MAX, filter, count_max == 0 ? 0 : count_max - printed, printer);
}

void check_type(const std::string& type) {
  const std::vector<std::string>& known = event_types();
  if (type.empty() || std::find(known.begin(), known.end(), type) != known.end()) return;
  throw Failure{kExitUsageError,
                "no event has the type " + quote_text(type) + suggestion(type, known),
                "types: " + join(known, ", ")};
}

// --- result ---

TaskResult load_result(Session& session, const std::string& guid) {
  TaskResult result;
  result.task = find_task(session, guid);
  LedgerReader& ledger = ledger_or_throw(session, "results");
  result.complete = await_ledger(session, ledger);
  const Result<std::vector<LedgerResult>> rows = ledger.results(guid);
  if (!rows) throw session.ledger_failure(rows.error());
  // Earlier attempts stay visible in status.log; the verdict comes from the last.
  for (const LedgerResult& row : *rows) {
    if (row.attempt == result.task.attempt_count) result.cases.push_back(row.result);
  }
  const Result<std::vector<LedgerReport<SourceFetched>>> sources = ledger.sources(guid);
  if (!sources) throw session.ledger_failure(sources.error());
  for (const LedgerReport<SourceFetched>& source : *sources) {
    if (source.attempt == result.task.attempt_count) result.sources.push_back(source.body);
  }
  return result;
}

// What was printed of a task that has not ended is not its result.
int after_answer(Output& output, const TaskInfo& task) {
  if (task.state == TaskState::ended) return kExitOk;
  output.talk("the task has not ended yet; see: muster wait " + printable(task.spec.guid));
  return kExitNotEnded;
}

int print_status_log(Session& session, const std::string& guid) {
  const TaskInfo task = find_task(session, guid);
  const int64_t start_us = boot_us();
  while (true) {
    const std::string path = session.status_log(guid);
    if (!path.empty()) {
      const Result<std::string> text = read_file(path, kStatusLogBytesMax);
      if (!text) throw Failure{kExitLocal, text.error(), ""};
      // A task that has ended has closed all its groups, as soon as the collector is there.
      const bool whole = task.state != TaskState::ended || parse_status_log(*text).problems.empty();
      if (whole || boot_us() - start_us > kStatusLogPatience.count()) {
        session.output().print(*text);
        return after_answer(session.output(), task);
      }
    } else if (task.state != TaskState::ended) {
      return after_answer(session.output(), task);
    } else if (boot_us() - start_us > kStatusLogPatience.count()) {
      throw Failure{kExitLocal,
                    "no status.log of " + printable(guid) + " in " + session.home().results_dir(),
                    "ask on the machine where the collector runs; see: muster doctor"};
    }
    std::this_thread::sleep_for(kPollInterval);
  }
}

}  // namespace

int do_verb(Session& session, const EventsOptions& options) {
  check_type(options.type);
  session.broker();
  EventFilter filter{"", options.type};
  if (!options.guid.empty()) filter.guid = resolve_guid(session, options.guid);
  EventPrinter printer(session.output(), options.follow);
  const BrokerStatus status = session.ask_for<BrokerStatus>(AskStatus{});
  const uint64_t head = status.head;
  const std::string& log_id = status.log_id;
  if (options.from && *options.from > head + 1) {
    throw Failure{kExitUsageError,
                  "there is no event " + std::to_string(*options.from) +
                      " to begin with: the newest is " + std::to_string(head),
                  "for what comes next, leave --from out"};
  }
  if (options.from && options.follow) {
    follow(session, {*options.from, log_id, head}, filter, options.count_max, printer);
  } else if (options.from) {
    EventStream stream(session, *options.from, log_id, EventStream::Patience::give_up);
    print_oldest(stream, head, filter, options.count_max, printer);
  } else {
    // The whole story of a task, but only the end of the whole log.
    const uint64_t newest =
        options.count_max != 0 || !filter.guid.empty() ? options.count_max : kEventsDefault;
    EventStream stream(
        session, first_event(session, filter, head, newest), log_id,
        options.follow ? EventStream::Patience::wait : EventStream::Patience::give_up);
    print_newest(stream, head, filter, newest, printer);
    if (options.follow) follow(session, {stream.position(), log_id, head}, filter, 0, printer);
  }
  printer.finish();
  return kExitOk;
}

int do_verb(Session& session, const ResultOptions& options) {
  Output& output = session.output();
  const std::string guid = resolve_guid(session, options.guid);
  if (options.format == ResultFormat::status_log) return print_status_log(session, guid);
  TaskResult result = load_result(session, guid);
  if (!result.complete) output.talk("the collector is behind: some results may be missing yet");
  result.complete = result.complete && result.task.state == TaskState::ended;
  if (options.format == ResultFormat::junit) {
    output.print(render_junit(result));
  } else if (options.format == ResultFormat::json) {
    output.print(result_json(result) + "\n");
  } else {
    output.show_one([&] { return render_result(result, output.look()); },
                    [&] { return result_json(result); }, [&] { return guid; });
  }
  return after_answer(output, result.task);
}

}  // namespace muster
