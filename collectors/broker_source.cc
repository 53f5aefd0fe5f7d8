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
  return std::nullopt;
}

std::optional<LogState> BrokerSource::ask_log() {
  if (connect()) return std::nullopt;
  std::variant<Message, ClientError> asked = client_->ask(AskLog{}, kAnswerWait);
  Message* answer = std::get_if<Message>(&asked);
  LogState* log = answer ? std::get_if<LogState>(answer) : nullptr;
  if (log == nullptr) return std::nullopt;
  return std::move(*log);
}

// A fetch behind the end of the log registers without bringing anything.
bool BrokerSource::hold() {
  if (reader_.empty()) return true;
  const std::optional<LogState> log = ask_log();
  if (!log) {
    client_.reset();  // whoever was kept out finds out by a new one that he is not any more
    return false;
  }
  const bool is_known =
      std::any_of(log->readers.begin(), log->readers.end(),
                  [this](const LogReader& reader) { return reader.name == reader_; });
  if (is_known) return true;
  const Fetch request{log->head + 1, 1, Duration(0), reader_, 1};
  const std::variant<Message, ClientError> answer = client_->ask(request, kAnswerWait);
  return std::holds_alternative<Message>(answer);
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
  if (blocks == nullptr) {
    return SourceError{SourceFault::refused, "the broker answered Fetch with something else"};
  }
  has_fetched_ = true;
  return FetchedBlocks{client_->welcome().log_id, blocks->head, std::move(blocks->blocks)};
}

// What was refused because it was trimmed is not to be asked for again and again: a person says
// whether to go on without it.
SourceError BrokerSource::explain_refusal(uint64_t from, ClientError error) {
  if (error.fault != ClientFault::refused) return source_error(std::move(error));
  const std::optional<LogState> log = ask_log();
  if (!log || from >= log->tail) return source_error(std::move(error));
  return {SourceFault::trimmed, error.message, log->tail, client_->welcome().log_id};
}

}  // namespace muster
