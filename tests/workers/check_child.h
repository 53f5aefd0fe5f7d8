// What tests of checks share: real children as the worker starts them, and servers on loopback that
// do what no decent server does.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <thread>

#include "io/file.h"
#include "tests/io/scratch.h"
#include "tests/support/loopback.h"
#include "workers/checks/check.h"

namespace muster {

struct Ended {
  ProcessExit exit;
  std::string output;
  bool timed_out = false;

  bool passed() const { return exit.exit_code == 0 && !timed_out; }
  // What the record of the check shows, had it been given a second.
  std::string line() const { return diagnostic_line(output, exit, timed_out, Duration(1s)); }
};

// Runs `spec` and, when its output holds `give_up_at`, kills its group as the worker does after a
// timeout.
Ended run_child(const ProcessSpec& spec, const std::string& give_up_at = "");

// Path of muster-worker, which runs the built-in checks.
const std::string& worker_path();

// For children that need nothing but PATH.
CheckContext worker_context();

// Runs a check or an action as a child of the worker; without one, that is a failure of the test.
Ended run_check(const CheckSpec& check, const CheckContext& context,
                const std::string& give_up_at = "");
Ended run_action(const ActionRun& run, const CheckContext& context);

// Tests that need muster-worker, with files of their own.
class WorkerChild : public ScratchFiles {
 protected:
  void SetUp() override {
    ASSERT_EQ(::access(worker_path().c_str(), X_OK), 0) << "build " << worker_path() << " first";
  }
};

// Treats its visitors one after the other; the connection is closed after that.
class RawServer {
 public:
  using Treat = std::function<void(int visitor)>;
  explicit RawServer(Treat treat);
  ~RawServer();
  const std::string& port() const { return socket_.port(); }
  std::string url() const { return "http://127.0.0.1:" + port() + "/"; }

 private:
  BoundSocket socket_;
  std::thread thread_;
};

// Sends all of it, or as much as the visitor takes before it leaves.
bool send_to(int visitor, std::string_view bytes);
// Everything up to and with `end`, or what came before the visitor left.
std::string receive_until(int visitor, std::string_view end);

}  // namespace muster
