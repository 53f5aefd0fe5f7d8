// A whole muster installation in a scratch home, made of real processes, for end-to-end tests and
// benchmarks.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/event.h"
#include "core/messages.h"
#include "io/client.h"
#include "io/home.h"
#include "io/socket.h"
#include "tests/support/child.h"

namespace muster {

// What a command said and how it ended.
struct Ran {
  int status = -1;  // -1: it hung and was killed
  std::string out;
  std::string err;
};

class House {
 public:
  // `bin_dir` holds the programs. The home lies under `parent`.
  explicit House(std::string bin_dir, const std::string& parent = "/tmp");

  const Home& home() const { return home_; }
  std::string endpoint() const { return home_.default_endpoint(); }

  // Each starts one daemon with short leases and beats, and with `flags` added.
  std::unique_ptr<Child> start_broker(std::vector<std::string> flags = {});
  std::unique_ptr<Child> start_worker(const std::string& name, uint32_t slots,
                                      std::vector<std::string> flags = {});
  std::unique_ptr<Child> start_collector(std::vector<std::string> flags = {});

  // Runs build/bin/muster with this home.
  Ran muster(std::vector<std::string> arguments, Duration timeout = std::chrono::seconds(60));

  // Starts it, and leaves it to the caller to wait for its end. What it says is lost, but for its
  // stderr when that is given a file (a terminal).
  std::unique_ptr<Child> start_muster(std::vector<std::string> arguments,
                                      const std::string& stderr_file = "");

  // Connects, waiting for the broker to be there. Aborts with its words when it does not come.
  std::unique_ptr<Client> connect(Role role = Role::submitter);

  // Adds a variable to the environment of every daemon started from now on.
  void set_daemon_env(const std::string& key, const std::string& value) {
    daemon_env_[key] = value;
  }

  // Writes a file beside the home and returns its path.
  std::string write(const std::string& name, const std::string& text, bool executable = false);

  // Starts `muster up` with all three daemons.
  std::unique_ptr<Child> start_up(std::vector<std::string> flags = {});

  // Everything that the daemons printed, for a failing test's message.
  std::string daemon_output() const;

 private:
  std::unique_ptr<Child> start(const std::string& program, std::vector<std::string> flags);
  ChildSpec command_spec(std::vector<std::string> arguments);

  std::string bin_dir_;
  ScratchDir scratch_;
  Home home_;
  SocketContext context_;
  std::map<std::string, std::string> daemon_env_;
  int commands_ = 0;
};

// Reads the broker's log from the beginning, over the wire, as a collector does.
class EventTail {
 public:
  explicit EventTail(Client& client) : client_(client) {}

  // Reads on until `enough` says so of an event. False when that did not happen in time.
  bool wait_for(const std::function<bool(const Event&)>& enough, Duration timeout);
  // Reads up to the present end.
  void catch_up();

  const std::vector<Event>& events() const { return events_; }

 private:
  // The head of the log, or nothing when the broker did not answer.
  std::optional<uint64_t> fetch(Duration wait);

  Client& client_;
  std::vector<Event> events_;
  uint64_t next_ = 1;
  size_t seen_ = 0;  // events_ that wait_for has shown
};

// True when `condition` became true within `timeout`: for what has no event to wait on.
bool eventually(const std::function<bool()>& condition,
                Duration timeout = std::chrono::seconds(120));

std::string read_text(const std::string& path);

}  // namespace muster
