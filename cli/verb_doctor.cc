// muster doctor: what is wrong with this installation and what to do about it.
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <thread>

#include "cli/doctor.h"
#include "cli/failure.h"
#include "cli/render_doctor.h"
#include "cli/sink_client.h"
#include "cli/text.h"
#include "cli/verbs.h"
#include "io/file.h"
#include "io/ledger.h"
#include "io/upload_note.h"

namespace muster {
namespace {

constexpr Duration kPatience = 3s;
constexpr Duration kPollPatience = 500ms;
constexpr Duration kPollInterval = 100ms;  // what is wrong does not tell when it is mended

// The kernel knows whether anything keeps its clock in time; reading that needs no rights.
bool clock_is_synchronised() {
  timex query{};
  return ::adjtimex(&query) != TIME_ERROR;
}

template <typename Answer>
std::optional<Answer> ask(Client& client, const Message& question, Duration patience,
                          DoctorFacts& facts) {
  std::variant<Message, ClientError> answer = client.ask(question, patience);
  if (const auto* error = std::get_if<ClientError>(&answer)) {
    facts.broker_fault = error->message;
    return std::nullopt;
  }
  auto* found = std::get_if<Answer>(&std::get<Message>(answer));
  if (found != nullptr) return std::move(*found);
  facts.broker_fault = "it gave an answer that does not fit; update muster or the broker";
  return std::nullopt;
}

// A broker that does not say it is none the worse for that.
void measure_log(Client& client, Duration patience, DoctorFacts& facts) {
  std::variant<Message, ClientError> answer = client.ask(AskLog{}, patience);
  const auto* message = std::get_if<Message>(&answer);
  const LogState* log = message != nullptr ? std::get_if<LogState>(message) : nullptr;
  if (log != nullptr) facts.log = *log;
}

void measure_broker(Session& session, Duration patience, DoctorFacts& facts) {
  const std::variant<Client*, ClientError> connected = session.try_broker(patience);
  if (const auto* error = std::get_if<ClientError>(&connected)) {
    facts.broker_fault = error->message;
    return;
  }
  Client& client = *std::get<Client*>(connected);
  const auto status = ask<BrokerStatus>(client, AskStatus{}, patience, facts);
  if (!status) return;
  facts.broker = *status;
  measure_log(client, patience, facts);
  const auto workers = ask<WorkerList>(client, ListWorkers{}, patience, facts);
  if (!workers) return;
  facts.workers = workers->workers;
  ListDevices question;
  for (bool more = true; more;) {
    auto devices = ask<DeviceList>(client, question, patience, facts);
    if (!devices) return;
    more = devices->more && !devices->devices.empty();
    if (more) question.after = devices->devices.back().spec.name;
    std::move(devices->devices.begin(), devices->devices.end(), std::back_inserter(facts.devices));
  }
}

void measure_collector(const Home& home, const LedgerPlace& place, DoctorFacts& facts) {
  facts.collector_runs = PidFile::holder(home.run_dir() + "/collector.pid").has_value();
  // Opened afresh each time: it may be made while we wait.
  Result<Ledger> ledger = Ledger::open(place);
  if (!ledger) {
    facts.ledger_fault = ledger.error();
    return;
  }
  const Result<LedgerPosition> position = ledger->position();
  if (!position) {
    facts.ledger_fault = position.error();
  } else if (!position->log_id.empty() && position->log_id != facts.broker.log_id) {
    facts.ledger_fault = describe(place) + " belongs to another broker's log";
  } else {
    facts.ledger_cursor = position->seq;
  }
}

void measure_sinks(Session& session, DoctorFacts& facts) {
  try {
    for (const SinkInfo& sink : SinkClient(session).list()) {
      if (sink.dead_letters.value_or(0) > 0) {
        facts.dead_letters.push_back(sink.name + " (" + std::to_string(*sink.dead_letters) + ")");
      }
      if (sink.error.empty()) continue;
      const std::string lag = sink.lag_events.value_or(0) == 0
                                  ? ""
                                  : " (" + counted(*sink.lag_events, "event") + " behind)";
      facts.sink_faults.push_back(sink.name + ": " + sink.error + lag);
    }
  } catch (const Failure& failure) {
    facts.sink_faults.push_back(failure.error);
  }
}

void measure_logs(const Home& home, DoctorFacts& facts) {
  // "/.": as of the home.
  if (::access((home.logs_dir() + "/.").c_str(), W_OK | X_OK) != 0 && errno != ENOENT) {
    facts.logs_fault = "cannot write in " + home.logs_dir() + ": " + errno_text(errno);
  }
  std::error_code fault;
  for (const auto& entry : std::filesystem::directory_iterator(home.logs_dir(), fault)) {
    const uintmax_t bytes = entry.file_size(fault);
    if (!fault) facts.logs_bytes += bytes;
  }
}

std::optional<UploadBacklog> measure_uploads(const Home& home) {
  std::optional<UploadBacklog> backlog;
  std::error_code failed;
  for (const auto& worker : std::filesystem::directory_iterator(home.dir + "/worker", failed)) {
    if (!backlog) backlog.emplace();
    std::vector<std::string> ignored;  // the worker's log names them
    for (const UploadNote& note : read_upload_notes(worker.path() / "uploads", ignored)) {
      if (!note.finished || note.delivered) continue;
      ++backlog->attempts;
      if (backlog->oldest == kNever || note.written < backlog->oldest) {
        backlog->oldest = note.written;
      }
    }
  }
  return backlog;
}

bool has_failed(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(),
                     [](const Finding& finding) { return finding.condition == Condition::fail; });
}

}  // namespace

DoctorFacts measure(Session& session, Duration patience) {
  const Home& home = session.home();
  DoctorFacts facts;
  facts.home = home.dir;
  // With "/.", a file of that name is no home, however writable.
  if (::access((home.dir + "/.").c_str(), W_OK | X_OK) != 0) {
    facts.home_fault = "cannot write in " + home.dir + ": " + errno_text(errno);
  }
  const Result<uint64_t> free = free_bytes(home.dir);
  if (free) {
    facts.free_bytes = *free;
  } else {
    facts.free_fault = free.error();
  }
  measure_logs(home, facts);
  facts.endpoint = session.endpoint();
  const std::vector<std::string>& listen = session.config().listen;
  facts.insecure = session.config().insecure &&
                   (is_tcp(facts.endpoint) || std::any_of(listen.begin(), listen.end(), is_tcp));
  facts.version = MUSTER_VERSION;
  SystemClock clock;
  facts.now = clock.now();
  facts.clock_synchronised = clock_is_synchronised();
  facts.uploads = measure_uploads(home);
  measure_broker(session, patience, facts);
  facts.collector_expected = session.is_home_broker();
  if (facts.collector_expected && facts.broker_fault.empty()) {
    measure_collector(home, ledger_place(home, session.config().ledger), facts);
    if (facts.collector_runs) measure_sinks(session, facts);
  }
  return facts;
}

int do_verb(Session& session, const DoctorOptions& options) {
  Output& output = session.output();
  const int64_t start_us = boot_us();
  DoctorFacts facts = measure(session, options.wait ? kPollPatience : kPatience);
  std::vector<Finding> findings = judge(facts);
  while (options.wait && has_failed(findings) && boot_us() - start_us < options.wait->count()) {
    std::this_thread::sleep_for(kPollInterval);
    facts = measure(session, kPollPatience);
    findings = judge(facts);
  }
  output.show_list(
      "finding", findings, [&] { return render_findings(findings, output.look()); }, finding_json,
      [](const Finding& finding) { return finding.subject; });
  return exit_status(facts, findings);
}

}  // namespace muster
