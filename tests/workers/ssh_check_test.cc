// The ssh check against a real sshd on loopback.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <algorithm>
#include <fstream>

#include "tests/workers/attempt_in_hand.h"
#include "tests/workers/check_child.h"
#include "tests/workers/ssh_server.h"
#include "workers/checks/ssh.h"
#include "workers/checks/ssh_control.h"

namespace muster {
namespace {

class SshCheckTest : public WorkerChild {
 protected:
  SshCheckTest() : server_(dir()) {}

  Ended run(const SshCheck& check) { return run_check(check, context_); }
  std::string name() const {
    const SshCheck check = server_.login();
    return check.user + "@127.0.0.1:" + check.port;
  }

  SshServer server_;
  CheckContext context_ = worker_context();
};

TEST_F(SshCheckTest, LogsIn) {
  const Ended ended = run(server_.login());
  EXPECT_TRUE(ended.passed()) << ended.output;
  EXPECT_EQ(ended.line(), name() + ": logged in");
}

TEST_F(SshCheckTest, RunsACommandWithItsArgumentsAsTheyAre) {
  const Ended ended =
      run(server_.login({"printf", "<%s>", "a b", "", "it's", "$HOME", "`x`;&|*", "\"\\", "-p"}));
  EXPECT_TRUE(ended.passed()) << ended.output;
  EXPECT_EQ(ended.output, "<a b><><it's><$HOME><`x`;&|*><\"\\><-p>\n");
}

TEST_F(SshCheckTest, SaysWhyTheCommandFailed) {
  const Ended said = run(server_.login({"sh", "-c", "echo battery at 3 % >&2; exit 1"}));
  EXPECT_EQ(said.exit.exit_code, 1);
  EXPECT_EQ(said.line(), "battery at 3 %");
  const Ended silent = run(server_.login({"sh", "-c", "exit 7"}));
  EXPECT_EQ(silent.line(), name() + ": exit 7");
  const Ended missing = run(server_.login({"no-such-program"}));
  EXPECT_FALSE(missing.passed());
  EXPECT_NE(missing.line().find("no-such-program"), std::string::npos) << missing.line();
}

TEST_F(SshCheckTest, RefusesStrangers) {
  SshCheck check = server_.login();
  check.known_hosts = write("no_hosts", "");
  const Ended unknown = run(check);
  EXPECT_FALSE(unknown.passed());
  EXPECT_NE(unknown.line().find("Host key verification failed"), std::string::npos)
      << unknown.line();
  // Somebody else answers at the address.
  server_.make_key("other_key");
  std::ifstream key(server_.path("other_key.pub"));
  std::string kind, text;
  key >> kind >> text;
  check.known_hosts =
      write("other_host", "[127.0.0.1]:" + check.port + " " + kind + " " + text + "\n");
  const Ended changed = run(check);
  EXPECT_FALSE(changed.passed());
  EXPECT_NE(changed.line().find("Host key verification failed"), std::string::npos)
      << changed.line();
}

TEST_F(SshCheckTest, SaysWhyItCannotLogIn) {
  SshCheck check = server_.login();
  server_.make_key("other_key");
  check.key = server_.path("other_key");
  EXPECT_NE(run(check).line().find("Permission denied"), std::string::npos);
  check.key = server_.path("no_key");
  EXPECT_EQ(run(check).line(), name() + ": the key " + check.key + ": No such file or directory");
  check = server_.login();
  check.known_hosts = server_.path("nowhere");
  EXPECT_EQ(run(check).line(),
            name() + ": the known hosts " + check.known_hosts + ": No such file or directory");
  check = server_.login();
  const BoundSocket nobody;
  check.port = nobody.port();
  EXPECT_NE(run(check).line().find("Connection refused"), std::string::npos);
  check.port = "ssh";
  EXPECT_NE(run(check).line().find("\"ssh\" is not a number from 1 to 65535"), std::string::npos);
  check = server_.login();
  check.host = "-oProxyCommand=touch " + path("owned");
  EXPECT_FALSE(run(check).passed());
  EXPECT_FALSE(std::filesystem::exists(path("owned")));
}

TEST_F(SshCheckTest, PathsMayHoldBlanksAndPercentSigns) {
  SshCheck check = server_.login();
  std::filesystem::copy(check.key, path("a %d \"key\""));
  std::filesystem::copy(check.known_hosts, path("hosts %h \\"));
  check.key = path("a %d \"key\"");
  check.known_hosts = path("hosts %h \\");
  const Ended ended = run(check);
  EXPECT_TRUE(ended.passed()) << ended.output;
}

TEST_F(SshCheckTest, SharesOneConnection) {
  {
    SshControl control;
    context_.ssh_control = control.path();
    for (int i = 0; i < 3; ++i) {
      const Ended ended = run(server_.login({"sh", "-c", "echo $SSH_CONNECTION; exit 1"}));
      EXPECT_EQ(ended.line().substr(0, 10), "127.0.0.1 ") << ended.output;
    }
    server_.wait_for_log("Accepted publickey", 1);
    // From now on a new one; who still uses the old one is not disturbed.
    control.renew();
    context_.ssh_control = control.path();
    const Ended ended = run(server_.login());
    EXPECT_TRUE(ended.passed()) << ended.output;
    server_.wait_for_log("Accepted publickey", 2);
    EXPECT_EQ(server_.logged("Accepted publickey"), 2u);
    EXPECT_EQ(server_.logged("Disconnected from user"), 0u);
  }
  // Nothing outlives it.
  server_.wait_for_log("Disconnected from user", 2);
}

TEST_F(SshCheckTest, OneOfManyAtOnceLogsIn) {
  SshControl control;
  context_.ssh_control = control.path();
  std::vector<Ended> ended(6);
  std::vector<std::thread> clients;
  for (Ended& one : ended) {
    clients.emplace_back([this, &one] { one = run(server_.login({"sh", "-c", "exit 3"})); });
  }
  for (std::thread& client : clients) client.join();
  for (const Ended& one : ended) EXPECT_EQ(one.line(), name() + ": exit 3") << one.output;
  server_.wait_for_log("Accepted publickey", 1);
  EXPECT_EQ(server_.logged("Accepted publickey"), 1u);
}

TEST_F(SshCheckTest, ASharedConnectionSaysWhyItCannotLogIn) {
  SshControl control;
  context_.ssh_control = control.path();
  SshCheck check = server_.login({"true"});
  check.known_hosts = write("no_hosts", "");
  const Ended ended = run(check);
  EXPECT_FALSE(ended.passed());
  EXPECT_NE(ended.line().find("Host key verification failed"), std::string::npos) << ended.line();
}

TEST_F(SshCheckTest, ControlSocketsAreShortAndPrivate) {
  SshControl control;
  const SshCheck check = server_.login();
  SshCheck other = check;
  other.key = "/other";
  const std::string socket = ssh_control_socket(check, control.path());
  EXPECT_NE(socket, ssh_control_socket(other, control.path()));
  // ssh makes it under a name that is 17 bytes longer.
  EXPECT_LE(socket.size() + 17, sizeof(sockaddr_un{}.sun_path) - 1);
  struct stat info {};
  ASSERT_EQ(::stat(std::filesystem::path(socket).parent_path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST_F(SshCheckTest, ALongAnswerIsPassedOn) {
  const Ended ended = run(server_.login({"sh", "-c",
                                         "head -c 3000000 /dev/zero | tr '\\0' x; echo; echo end; "
                                         "exit 1"}));
  EXPECT_EQ(ended.line(), "end");
  EXPECT_EQ(ended.output.size(), 3'000'000u + 6);
}

TEST_F(SshCheckTest, AServerThatNeverAnswersIsGivenUp) {
  // Its end waits for its visitor to leave: ssh is killed with the rest of the group.
  const RawServer server([](int visitor) { receive_until(visitor, "nothing ends this"); });
  SshControl control;
  context_.ssh_control = control.path();
  SshCheck check = server_.login();
  check.port = server.port();
  const Ended ended = run_check(check, context_, "logging in");
  EXPECT_TRUE(ended.timed_out);
  EXPECT_EQ(ended.line(),
            "timed out after 1s: " + check.user + "@127.0.0.1:" + check.port + ": logging in");
}

// Both over a connection of its own and over a shared one, where only the channel goes.
TEST_F(SshCheckTest, ATimedOutCheckLeavesNothingRunningOnTheHost) {
  SshControl control;
  for (const std::string& shared : {std::string(), control.path()}) {
    context_.ssh_control = shared;
    const Ended ended =
        run_check(server_.login({"sh", "-c",
                                 "tail -f /dev/null & echo $! > " + path("child") + "; echo $$ > " +
                                     path("leader") + "; echo it runs; wait"}),
                  context_, "it runs");
    EXPECT_TRUE(ended.timed_out) << ended.output;
    for (const char* name : {"child", "leader"}) {
      const pid_t pid = std::stoi(*read_file(path(name), 100));
      const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
      pollfd end{process.get(), POLLIN, 0};
      EXPECT_TRUE(!process.valid() || ::poll(&end, 1, 60'000) == 1) << name << " lives";
    }
  }
}

// A command that restarts the host does so after it has said that it was understood.
TEST_F(SshCheckTest, WhatACommandLeavesBehindOnPurposeStays) {
  ASSERT_EQ(::mkfifo(path("gate").c_str(), 0600), 0);
  const UniqueFd gate(::open(path("gate").c_str(), O_RDWR | O_CLOEXEC));
  const Ended ended = run(
      server_.login({"sh", "-c",
                     "(read -r _ < " + path("gate") + "; echo $_ > " + path("done.new") + "; mv " +
                         path("done.new") + " " + path("done") + "; echo > " + path("gate") +
                         ") >/dev/null 2>&1 & echo $! > " + path("pid") + "; echo understood"}));
  EXPECT_TRUE(ended.passed()) << ended.output;
  EXPECT_EQ(ended.output, "understood\n\n");
  const pid_t pid = std::stoi(*read_file(path("pid"), 100));
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  ASSERT_TRUE(process.valid()) << "it has been ended with the connection";
  ASSERT_TRUE(write_all(gate.get(), "go\n").ok());
  pollfd end{process.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&end, 1, 60'000), 1);
  EXPECT_TRUE(std::filesystem::exists(path("done")));
}

TEST_F(SshCheckTest, ExitStatusAndStandardInputAreTheCommands) {
  EXPECT_EQ(run(server_.login({"sh", "-c", "exit 200"})).line(), name() + ": exit 200");
  EXPECT_EQ(run(server_.login({"cat"})).exit.exit_code, 0) << "its standard input is empty";
  EXPECT_EQ(run(server_.login({"sh", "-c", "echo a; printf end"})).output, "a\nend\n");
  EXPECT_EQ(run(server_.login({"sh", "-c", "echo a >&2; printf end >&2"})).output, "a\nend\n");
}

TEST_F(SshCheckTest, TheClientsWordsAboutItsMasterAreDropped) {
  const Ended ended = run(server_.login(
      {"sh", "-c",
       "echo mux_client_request_session: session request failed; printf 'mux_client'; echo _x; "
       "echo a mux_client_request_session: b; exit 1"}));
  EXPECT_EQ(ended.output, "mux_client_x\na mux_client_request_session: b\n\n");
}

TEST_F(SshCheckTest, GarbageIsNoServer) {
  const RawServer server([](int visitor) {
    const std::string garbage(64 << 10, '\xff');
    for (int i = 0; i < 64 && send_to(visitor, garbage); ++i) {
    }
  });
  SshCheck check = server_.login();
  check.port = server.port();
  const Ended ended = run(check);
  EXPECT_FALSE(ended.passed());
  EXPECT_FALSE(ended.line().empty());
}

// sshd allows ten sessions on one connection.
TEST_F(StrategyAttemptTest, TwelveSshChecksShareOneConnection) {
  SshServer server(dir());
  context.self_exe = worker_path();
  // Eight are there at the same time, and no ninth comes before one of them goes.
  const UniqueFd arrived = make_fifo("arrived");
  UniqueFd gate = make_fifo("gate");
  const std::string script = "[ -e " + path("open") + " ] && exit 0; " + meet();
  for (int i = 0; i < 12; ++i) {
    strategy.verifiers.push_back(
        verifier("v" + std::to_string(i), server.login({"sh", "-c", script})));
  }
  begin(RunKind::verify);
  await_arrivals(arrived, 8);
  EXPECT_EQ(children, 8);
  write("open", "");
  gate.reset();
  run_to_end();
  EXPECT_EQ(ending().outcome, Outcome::pass) << records() << log();
  EXPECT_EQ(children, 12);
  server.wait_for_log("Accepted publickey", 1);
  EXPECT_EQ(server.logged("Accepted publickey"), 1u);
  EXPECT_EQ(log().find("mux_client"), std::string::npos) << log();
}

TEST_F(StrategyAttemptTest, SshChecksThatWaitedAreOverWhenItIsStopped) {
  SshServer server(dir());
  context.self_exe = worker_path();
  const UniqueFd arrived = make_fifo("arrived");
  const UniqueFd gate = make_fifo("gate");
  for (int i = 0; i < 12; ++i) {
    strategy.verifiers.push_back(
        verifier("v" + std::to_string(i), server.login({"sh", "-c", meet()})));
  }
  begin(RunKind::verify);
  await_arrivals(arrived, 8);
  attempt->stop(clock.now(), false);
  run_to_end();
  EXPECT_EQ(ending().status, StatusCode::killed);
  EXPECT_EQ(children, 8);
}

TEST(SshQuoting, OneWordForEachArgument) {
  EXPECT_EQ(quote_for_shell({}), "");
  EXPECT_EQ(quote_for_shell({"a"}), "'a'");
  EXPECT_EQ(quote_for_shell({"a b", "", "it's"}), "'a b' '' 'it'\\''s'");
}

}  // namespace
}  // namespace muster
