#include "collectors/log_feed.h"

#include <poll.h>

#include <memory>
#include <utility>
#include <variant>

#include "io/client.h"
#include "io/clock.h"

namespace muster {
namespace {

constexpr char kName[] = "collector";
constexpr Duration kAnswerWait = std::chrono::seconds(10);
// Between tries while nobody answers; and until a count is told that no line has come to carry.
constexpr Duration kAgain = std::chrono::seconds(5);

}  // namespace

LogFeed::LogFeed(SocketContext& sockets, std::string endpoint, LogEvents& events, const Stop& stop)
    : endpoint_(std::move(endpoint)),
      events_(events),
      stop_(stop),
      sockets_(sockets),
      thread_([this] { run(); }) {}

void LogFeed::run() {
  const QuietLog quiet;
  for (bool told_all = true; !stop_.raised();) {
    pollfd fds[] = {{stop_.fd(), POLLIN, 0}, {events_.fd(), POLLIN, 0}};
    const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(kAgain).count();
    const bool rests = told_all && !events_.owes_count();
    ::poll(fds, 2, rests ? -1 : static_cast<int>(wait));
    if (!stop_.raised()) told_all = tell();
  }
}

// All that waits. A connection lives as long as it takes: lines are rare. False: some still waits.
bool LogFeed::tell() {
  SystemClock clock;
  LogTeller teller(events_);
  std::unique_ptr<Client> client;
  while (const std::optional<TellLog> lines = teller.next(clock.now())) {
    if (!client) {
      ClientOptions options;
      options.endpoint = endpoint_;
      options.role = Role::collector;
      options.name = kName;
      options.stop = [this] { return stop_.raised(); };
      auto connected = Client::connect(sockets_, std::move(options));
      if (std::holds_alternative<ClientError>(connected)) return false;
      client = std::move(std::get<std::unique_ptr<Client>>(connected));
    }
    const std::variant<Message, ClientError> answer = client->ask(*lines, kAnswerWait);
    if (const auto* error = std::get_if<ClientError>(&answer)) {
      if (error->fault != ClientFault::refused) return false;
      teller.take(Refused{error->code, error->message}, clock.now());
      return error->code != RefusalCode::unavailable;
    }
    teller.take(std::get<Message>(answer), clock.now());
  }
  return true;
}

}  // namespace muster
