// One run of the muster command: the home, the broker and the ledger it asks, and its output.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cli/exit_status.h"
#include "cli/failure.h"
#include "cli/options.h"
#include "cli/output.h"
#include "core/messages.h"
#include "io/client.h"
#include "io/config.h"
#include "io/home.h"
#include "io/ledger_reader.h"
#include "io/socket.h"

namespace muster {

// Turns what the client says into an exit status and a next step.
Failure to_failure(const ClientError& error, const std::string& endpoint);

class Session {
 public:
  // Throws Failure when there is no home, or its configuration is wrong.
  Session(const GlobalOptions& options, Output& output);

  Output& output() { return output_; }
  const Home& home() const { return home_; }
  const Config& config() const { return config_; }
  const std::string& endpoint() const { return endpoint_; }
  // The endpoint is the home's own broker: what lies in the home belongs to it.
  bool is_home_broker() const { return endpoint_ == config_.endpoint; }

  // The connection, made at first use. Throws Failure when nobody answers
  // (kExitUnreachable), or this user may not reach its socket (kExitNotPermitted).
  Client& broker();
  // The same, but nothing when nobody answers. Says so on stderr once. Throws Failure
  // (kExitNotPermitted) when this user may not reach the broker's socket.
  Client* broker_or_none();
  // The same, or why nobody answers within `timeout`. May be called again.
  std::variant<Client*, ClientError> try_broker(Duration timeout);
  // The connection is made with this role.
  void set_role(Role role) { role_ = role; }

  // Asks and throws Failure on any refusal. `timeout` bounds how long the broker may be away.
  Message ask(const Message& request, Duration timeout);
  template <typename Answer>
  Answer ask_for(const Message& request) {
    return expect<Answer>(ask(request, kAskTimeout));
  }
  // The same, but nothing when the broker does not know what was asked about.
  template <typename Answer>
  std::optional<Answer> ask_if_known(const Message& request) {
    std::optional<Message> answer = ask_if_known(request);
    if (!answer) return std::nullopt;
    return expect<Answer>(std::move(*answer));
  }
  template <typename Answer>
  Answer expect(Message message) {
    if (auto* answer = std::get_if<Answer>(&message)) return std::move(*answer);
    throw Failure{kExitUnreachable,
                  "the broker at " + endpoint_ + " gave an answer that does not fit",
                  "update muster or the broker: muster doctor shows both versions"};
  }

  // All devices that match, however many messages it takes.
  std::vector<DeviceInfo> devices(const std::string& selector = "");
  // The one of this name, or those when several workers list it; none: there is none.
  std::vector<DeviceInfo> devices_named(const std::string& name);
  // Throws Failure: there is none of this name, and which may be meant.
  [[noreturn]] void throw_no_device(const std::string& name);

  // The ledger, if there is one and it belongs to the broker's log: the collector is asked for it
  // or, where none answers, the place where this home has it.
  LedgerReader* ledger();
  // Why there is none.
  const std::string& ledger_fault() const { return ledger_fault_; }

  // It is there, and this user may not read it.
  bool ledger_denied() const { return ledger_denied_; }
  // A question to the ledger that came to nothing, or why there is none: 69 when it is a collector
  // or a server that does not answer, 74 when it is a file of this machine.
  Failure ledger_failure(const std::string& reason) const;

  // HOME/results/GUID/status.log when it is there.
  std::string status_log(const std::string& guid) const;

  // One line to stderr.
  void talk(std::string_view line) const { output_.talk(line); }

  // "user@host", for others.
  static std::string user();

  static constexpr Duration kAskTimeout = std::chrono::seconds(10);

 private:
  std::optional<Message> ask_if_known(const Message& request);
  std::unique_ptr<LedgerReader> remote_ledger();
  std::unique_ptr<LedgerReader> local_ledger();
  bool is_of_other_log(LedgerReader& ledger) const;

  Output& output_;
  Home home_;
  Config config_;
  std::string endpoint_;
  std::string key_;         // a file
  std::string server_key_;  // a public key, or a file
  Role role_ = Role::submitter;
  std::optional<SocketContext> context_;
  std::unique_ptr<Client> client_;
  bool given_up_ = false;
  bool ledger_tried_ = false;
  bool ledger_denied_ = false;
  bool ledger_is_remote_ = false;  // or would be
  std::unique_ptr<LedgerReader> ledger_;
  std::string ledger_fault_;
};

}  // namespace muster
