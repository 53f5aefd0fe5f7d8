#include "cli/session.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "cli/access.h"
#include "cli/api_client.h"
#include "cli/remote_ledger.h"
#include "cli/text.h"
#include "cli/values.h"
#include "core/guid.h"
#include "core/suggest.h"
#include "io/curve_setup.h"
#include "io/file.h"
#include "io/ledger.h"

namespace muster {
namespace {

constexpr Duration kConnectTimeout = 5s;

Home home_or_throw(const std::string& flag) {
  Result<Home> home = resolve_home(flag);
  if (!home) throw Failure{kExitUsageError, home.error(), ""};
  return *home;
}

Config config_or_throw(const Home& home, Output& output) {
  struct stat info {};
  if (::stat((home.dir + "/.").c_str(), &info) != 0 && errno == EACCES) {
    throw Failure{kExitNotPermitted, "cannot enter the home " + home.dir + ": " + errno_text(errno),
                  "ask whose it is, or choose another with --home or MUSTER_HOME"};
  }
  ConfigFile file = load_config(home);
  const std::string text = file.problems.to_text();
  if (!text.empty()) output.talk(text.substr(0, text.size() - 1));
  if (!file.problems.has_errors()) return std::move(file.config);
  // What is wrong may be in another file of it.
  std::vector<std::string> wrong;
  for (const FileProblem& problem : file.problems.list()) {
    const bool is_known = std::find(wrong.begin(), wrong.end(), problem.file) != wrong.end();
    if (!problem.is_warning && !is_known) wrong.push_back(problem.file);
  }
  throw Failure{kExitUsageError, "cannot use the configuration " + join(wrong, ", "),
                "mend it, or choose another home with --home"};
}

// A flag comes before the environment, and that before the configuration.
std::string choose(const std::string& flag, const char* variable, const std::string& configured) {
  if (!flag.empty()) return flag;
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0' ? value : configured;
}

}  // namespace

Failure to_failure(const ClientError& error, const std::string& endpoint) {
  switch (error.fault) {
    case ClientFault::unreachable:
      if (error.code == RefusalCode::not_permitted) {
        return {kExitNotPermitted, error.message, kDeniedHint};
      }
      return {kExitUnreachable, error.message,
              "is it running? see: muster doctor; start everything on this machine: muster up"};
    case ClientFault::kept_out:
      return {exit_status(error.code), error.message, ""};
    case ClientFault::stopped:
      return {kExitInterrupted, "interrupted", ""};
    case ClientFault::refused:
      break;
  }
  const bool is_disk = error.code == RefusalCode::unavailable;
  return {exit_status(error.code), "the broker at " + endpoint + " refused: " + error.message,
          is_disk ? "see: muster doctor" : ""};
}

Session::Session(const GlobalOptions& options, Output& output)
    : output_(output),
      home_(home_or_throw(options.home)),
      config_(config_or_throw(home_, output)),
      endpoint_(choose(options.endpoint, "MUSTER_ENDPOINT", config_.endpoint)),
      key_(key_file(home_, choose(options.key, "MUSTER_KEY", config_.keys.user))),
      server_key_(choose(options.server_key, "MUSTER_SERVER_KEY", config_.keys.server)) {
  if (const std::optional<std::string> reason = invalid_endpoint(endpoint_)) {
    throw Failure{kExitUsageError, *reason,
                  "choose another with --endpoint or MUSTER_ENDPOINT, or a home with --home"};
  }
}

std::variant<Client*, ClientError> Session::try_broker(Duration timeout) {
  if (client_) return client_.get();
  // ZeroMQ would try again and again in silence.
  if (std::optional<std::string> denied = denied_endpoint(endpoint_)) {
    return ClientError{ClientFault::unreachable, RefusalCode::not_permitted, std::move(*denied)};
  }
  if (!context_) {
    CurveNeeds needs;
    needs.who = "whoever types commands";
    needs.key = key_;
    needs.server = server_key_;
    needs.dials = endpoint_;
    Result<CurveParts> parts = open_curve(config_, needs);
    if (!parts) {
      return ClientError{ClientFault::kept_out, RefusalCode::invalid, parts.error()};
    }
    context_.emplace(std::move(parts->curve));
  }
  ClientOptions options;
  options.endpoint = endpoint_;
  options.role = role_;
  options.name = user();
  options.connect_timeout = timeout;
  auto connected = Client::connect(*context_, options);
  if (auto* error = std::get_if<ClientError>(&connected)) return std::move(*error);
  client_ = std::move(std::get<std::unique_ptr<Client>>(connected));
  return client_.get();
}

Client& Session::broker() {
  const auto client = try_broker(kConnectTimeout);
  if (const auto* error = std::get_if<ClientError>(&client)) throw to_failure(*error, endpoint_);
  return *std::get<Client*>(client);
}

Client* Session::broker_or_none() {
  if (given_up_) return nullptr;
  const auto client = try_broker(kConnectTimeout);
  if (const auto* found = std::get_if<Client*>(&client)) return *found;
  const ClientError& error = std::get<ClientError>(client);
  if (error.code == RefusalCode::not_permitted || error.fault == ClientFault::kept_out) {
    throw to_failure(error, endpoint_);
  }
  given_up_ = true;
  output_.talk("muster: the broker at " + endpoint_ +
               " does not answer; answering from the ledger");
  return nullptr;
}

Message Session::ask(const Message& request, Duration timeout) {
  std::variant<Message, ClientError> answer = broker().ask(request, timeout);
  if (const auto* error = std::get_if<ClientError>(&answer)) throw to_failure(*error, endpoint_);
  return std::move(std::get<Message>(answer));
}

std::optional<Message> Session::ask_if_known(const Message& request) {
  std::variant<Message, ClientError> answer = broker().ask(request, kAskTimeout);
  if (const auto* error = std::get_if<ClientError>(&answer)) {
    const bool is_unknown =
        error->fault == ClientFault::refused && error->code == RefusalCode::unknown;
    if (is_unknown) return std::nullopt;
    throw to_failure(*error, endpoint_);
  }
  return std::move(std::get<Message>(answer));
}

std::vector<DeviceInfo> Session::devices(const std::string& selector) {
  std::vector<DeviceInfo> all;
  ListDevices question;
  question.selector = selector;
  for (;;) {
    DeviceList page = ask_for<DeviceList>(question);
    std::move(page.devices.begin(), page.devices.end(), std::back_inserter(all));
    if (!page.more || all.empty()) return all;
    question.after = all.back().spec.name;
  }
}

std::vector<DeviceInfo> Session::devices_named(const std::string& name) {
  ListDevices question;
  question.name = name;
  return ask_for<DeviceList>(question).devices;
}

void Session::throw_no_device(const std::string& name) {
  std::vector<std::string> names;
  for (const DeviceInfo& device : devices()) names.push_back(device.spec.name);
  throw Failure{kExitUsageError, "no device is named " + quote_text(name) + suggestion(name, names),
                "see: muster device ls"};
}

LedgerReader* Session::ledger() {
  if (ledger_tried_) return ledger_.get();
  ledger_tried_ = true;
  ledger_ = remote_ledger();
  ledger_is_remote_ = ledger_ || !ledger_fault_.empty() || config_.ledger;
  if (ledger_) return ledger_.get();
  const std::string said = std::exchange(ledger_fault_, {});
  ledger_ = local_ledger();
  if (ledger_) ledger_is_remote_ = config_.ledger.has_value();
  // A collector that answers knows better than a home that has nothing.
  if (!ledger_ && !ledger_denied_ && !said.empty()) ledger_fault_ = said;
  return ledger_.get();
}

Failure Session::ledger_failure(const std::string& reason) const {
  if (!ledger_is_remote_) return {kExitLocal, reason, ""};
  return {kExitUnreachable, reason, "see: muster sink status; the collector: muster doctor"};
}

// Null when no collector answers, or it has another broker's ledger: the home may know better.
std::unique_ptr<LedgerReader> Session::remote_ledger() {
  const Result<ApiAddress> address = collector_address(home_, config_);
  if (!address || !address->is_likely) return nullptr;
  auto remote = std::make_unique<RemoteLedger>(*address);
  const Result<LedgerPosition> position = remote->position();
  if (!position) ledger_fault_ = position.error();
  if (!position || is_of_other_log(*remote)) return nullptr;
  return remote;
}

std::unique_ptr<LedgerReader> Session::local_ledger() {
  const LedgerPlace place = ledger_place(home_, config_.ledger);
  const std::string& file = place.server ? place.server->password_file : place.file;
  if (std::optional<std::string> denied = denied_access(file, R_OK)) {
    ledger_denied_ = true;
    ledger_fault_ = std::move(*denied);
    return nullptr;
  }
  Result<Ledger> opened = Ledger::open(place);
  if (!opened) {
    ledger_fault_ = opened.error();
    return nullptr;
  }
  auto local = std::make_unique<Ledger>(std::move(*opened));
  if (is_of_other_log(*local)) {
    ledger_fault_ = describe(place) + " belongs to another broker's log";
    return nullptr;
  }
  return local;
}

bool Session::is_of_other_log(LedgerReader& ledger) const {
  if (!client_) return false;
  const Result<LedgerPosition> position = ledger.position();
  return position && !position->log_id.empty() && position->log_id != client_->welcome().log_id;
}

std::string Session::status_log(const std::string& guid) const {
  const std::string path = home_.results_dir() + "/" + percent_encode(guid) + "/status.log";
  return ::access(path.c_str(), R_OK) == 0 ? path : "";
}

std::string Session::user() {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  const passwd* entry = ::getpwuid(::geteuid());
  const std::string name = entry ? entry->pw_name : std::to_string(::geteuid());
  return sanitize_utf8(name + "@" + host.data());
}

}  // namespace muster
