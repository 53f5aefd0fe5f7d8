#include "collectors/broker_source.h"

#include <algorithm>
#include <utility>

namespace muster {
namespace {

// For the answer after the wait; a broker that restarts is waited for.
constexpr Duration kAnswerWait = std::chrono::seconds(10);

SourceError source_error(ClientError error) {
  switch (error.fault) {
    case ClientFault::unreachable:
    case ClientFault::kept_out:  // until somebody allows it; a new connection finds out
      return {SourceFault::away, std::move(error.message)};
    case ClientFault::refused:
      return {SourceFault::refused, "the broker refuses: " + error.message};
    case ClientFault::stopped:
      break;
  }
  return {SourceFault::stopped, std::move(error.message)};
}

SourceError wrong_answer(const std::string& request) {
  return {SourceFault::refused, "the broker answered " + request + " with something else"};
}

}  // namespace

BrokerSource::BrokerSource(SocketContext& context, std::string endpoint, std::string name,
                           std::function<bool()> interrupted, uint32_t fetch_bytes)
    : context_(context),
      endpoint_(std::move(endpoint)),
      name_(std::move(name)),
      interrupted_(std::move(interrupted)),
      fetch_bytes_(fetch_bytes) {}

std::optional<SourceError> BrokerSource::connect() {
  if (client_) return std::nullopt;
  ClientOptions options;
  options.endpoint = endpoint_;
  options.role = Role::collector;
  options.name = name_;
  options.stop = interrupted_;
  std::variant<std::unique_ptr<Client>, ClientError> connected =
      Client::connect(context_, std::move(options));
  if (auto* error = std::get_if<ClientError>(&connected)) return source_error(std::move(*error));
  client_ = std::move(std::get<std::unique_ptr<Client>>(connected));
  is_new_client_ = true;
  return std::nullopt;
}

std::variant<LogState, SourceError> BrokerSource::ask_log() {
  if (std::optional<SourceError> error = connect()) return std::move(*error);
  std::variant<Message, ClientError> asked = client_->ask(AskLog{}, kAnswerWait);
  if (auto* error = std::get_if<ClientError>(&asked)) return source_error(std::move(*error));
  LogState* log = std::get_if<LogState>(&std::get<Message>(asked));
  if (log == nullptr) return wrong_answer("AskLog");
  return std::move(*log);
}

// A fetch behind the end of the log registers without bringing anything.
std::optional<SourceError> BrokerSource::hold() {
  if (reader_.empty()) return std::nullopt;
  const std::variant<LogState, SourceError> log = ask_log();
  if (const auto* error = std::get_if<SourceError>(&log)) {
    client_.reset();  // whoever was kept out finds out by a new one that he is not any more
    return *error;
  }
  const LogState& state = std::get<LogState>(log);
  const bool is_known =
      std::any_of(state.readers.begin(), state.readers.end(),
                  [this](const LogReader& reader) { return reader.name == reader_; });
  if (is_known) return std::nullopt;
  const Fetch request{state.head + 1, 1, Duration(0), reader_, 1};
  std::variant<Message, ClientError> answer = client_->ask(request, kAnswerWait);
  if (auto* error = std::get_if<ClientError>(&answer)) return source_error(std::move(*error));
  if (!std::holds_alternative<Blocks>(std::get<Message>(answer))) return wrong_answer("Fetch");
  return std::nullopt;
}

std::variant<FetchedBlocks, SourceError> BrokerSource::fetch(uint64_t from, Duration wait) {
  if (std::optional<SourceError> error = connect()) return std::move(*error);
  // The first answer comes at once, so that another broker's log is noticed before the first wait.
  const Fetch request{from, fetch_bytes_, has_fetched_ ? wait : Duration(0), reader_, done_ + 1};
  std::variant<Message, ClientError> answer = client_->ask(request, request.wait + kAnswerWait);
  if (auto* error = std::get_if<ClientError>(&answer)) {
    if (error->fault == ClientFault::kept_out) client_.reset();
    return explain_refusal(from, std::move(*error));
  }
  Blocks* blocks = std::get_if<Blocks>(&std::get<Message>(answer));
  if (blocks == nullptr) return wrong_answer("Fetch");
  has_fetched_ = true;
  const bool reconnected = client_->reconnected() || std::exchange(is_new_client_, false);
  return FetchedBlocks{client_->welcome().log_id, blocks->head, std::move(blocks->blocks),
                       reconnected};
}

// What was refused because it was trimmed is not to be asked for again and again: a person says
// whether to go on without it.
SourceError BrokerSource::explain_refusal(uint64_t from, ClientError error) {
  if (error.fault != ClientFault::refused) return source_error(std::move(error));
  const std::variant<LogState, SourceError> asked = ask_log();
  const auto* log = std::get_if<LogState>(&asked);
  if (log == nullptr || from >= log->tail) return source_error(std::move(error));
  return {SourceFault::trimmed, error.message, log->tail, client_->welcome().log_id};
}

}  // namespace muster
