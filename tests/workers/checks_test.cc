#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <memory>
#include <sstream>
#include <thread>

#include "core/limits.h"
#include "io/file.h"
#include "tests/io/scratch.h"
#include "tests/workers/check_child.h"
#include "workers/checks/adb.h"
#include "workers/checks/check.h"
#include "workers/checks/disk.h"
#include "workers/checks/file.h"
#include "workers/checks/http.h"
#include "workers/checks/ssh.h"
#include "workers/checks/tcp.h"
#include "workers/checks/usb.h"

namespace muster {
namespace {

// --- what is run, and what is made of its output ---

// What a check's child finds on its standard input.
std::vector<std::string> texts_of(const std::string& input) {
  std::vector<std::string> texts;
  std::istringstream rest(input);
  for (std::string text; std::getline(rest, text, '\0');) texts.push_back(text);
  return texts;
}

TEST(Check, RunsProgramsThemselvesAndTheRestAsAChildOfTheWorker) {
  CheckContext context{"/x/worker", {{"PATH", "/bin"}}, {}, "guid", "/tmp/c/0", "/attempt"};
  struct Row {
    CheckSpec check;
    std::vector<std::string> argv;
    std::vector<std::string> input;
  };
  const auto self = [](const char* kind) {
    return std::vector<std::string>{"/x/worker", "--run-check", kind};
  };
  const std::vector<Row> rows = {
      {CommandCheck{{"adb", "devices"}}, {"adb", "devices"}, {}},
      {PingCheck{"h", 3}, {"ping", "-n", "-q", "-c", "3", "-W", "2", "--", "h"}, {}},
      {TcpCheck{"h", "22", "SSH-"}, self("tcp"), {"h", "22", "SSH-"}},
      {DiskCheck{"/", 1, 2, 3, 4}, self("disk"), {"/", "1", "2", "3", "4"}},
      {FileCheck{"/f", true, false, "a b", Duration(2s)},
       self("file"),
       {"/f", "1", "0", "a b", "2000000"}},
      {SshCheck{"h", "22", "u", "/k", "/kh", {"ls", "{task.guid}"}},
       self("ssh"),
       {"h", "22", "u", "/k", "/kh", "/tmp/c/0", "ls", "guid"}},
      {HttpCheck{"GET", "http://h/", {"A: b"}, "body", 204, "x"},
       self("http"),
       {"GET", "http://h/", "body", "204", "x", "A: b"}},
      {AdbCheck{"S", "device", ""}, self("adb"), {"S", "device", ""}},
      {UsbCheck{"18d1", "", "S", ""}, self("usb"), {"18d1", "", "S", ""}},
  };
  for (const Row& row : rows) {
    const Result<ProcessSpec> spec = process_for_check(row.check, context);
    ASSERT_TRUE(spec.ok()) << spec.error();
    EXPECT_EQ(spec->argv, row.argv);
    EXPECT_EQ(texts_of(spec->input), row.input);
    EXPECT_EQ(spec->env, context.env);
    EXPECT_EQ(spec->cwd, "/attempt");
  }
  const Result<ProcessSpec> nul =
      process_for_check(TcpCheck{"h", "1", std::string("a\0b", 3)}, context);
  ASSERT_FALSE(nul.ok());
  EXPECT_EQ(nul.error(), "a text of the check holds a NUL byte");
}

TEST(Check, TakesFromTheProfileWhatItLeavesOut) {
  std::vector<DeviceSpec> devices(1);
  devices[0].name = "dut-1";
  devices[0].profile = {{"host", "10.0.0.7"}, {"ssh_port", "2222"}, {"ssh_user", "root"},
                        {"ssh_key", "/k"},    {"serial", "S"},      {"ssh_known_hosts", "/kh"}};
  const CheckContext context{"/w", {}, devices, "guid", ""};
  using Words = std::vector<std::string>;
  const auto told = [&context](const CheckSpec& check) {
    const Result<ProcessSpec> spec = process_for_check(check, context);
    return spec ? texts_of(spec->input) : Words{spec.error()};
  };
  EXPECT_EQ(told(SshCheck{}), Words({"10.0.0.7", "2222", "root", "/k", "/kh", ""}));
  EXPECT_EQ(told(SshCheck{"h", "1", "u", "/a", "/b", {}}), Words({"h", "1", "u", "/a", "/b", ""}));
  EXPECT_EQ(told(AdbCheck{}), Words({"S", "device", ""}));
  devices[0].profile = {{"ssh_user", "root"}};
  EXPECT_EQ(told(SshCheck{}).at(0),
            "ssh is given no host, and the profile of device dut-1 has no \"host\"");
  EXPECT_EQ(told(AdbCheck{}).at(0),
            "adb is given no serial, and the profile of device dut-1 has no \"serial\"");
  EXPECT_EQ(told(SshCheck{"h", "", "", "", "", {}}), Words({"h", "", "root", "", "", ""}));
  const Result<ProcessSpec> without = process_for_check(SshCheck{}, {"/w", {}, {}, "guid", ""});
  ASSERT_FALSE(without.ok());
  EXPECT_EQ(without.error(), "ssh is given no host, and there is no device");
}

template <typename Spec, typename Arguments, typename Parse>
void expect_round_trip(const Spec& check, Arguments arguments, Parse parse) {
  const std::vector<std::string> words = arguments(check);
  const auto parsed = parse(CheckArguments(words).subspan(1));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(*parsed, check);
  for (size_t size = 1; size < words.size(); ++size) {
    EXPECT_FALSE(parse(CheckArguments(words).subspan(1, size - 1)).has_value());
  }
}

TEST(Check, ArgumentsSayTheWholeCheck) {
  expect_round_trip(TcpCheck{"::1", "9", ""}, tcp_arguments, parse_tcp_arguments);
  expect_round_trip(DiskCheck{"/a b", UINT64_MAX, 100, 7, 1}, disk_arguments, parse_disk_arguments);
  expect_round_trip(FileCheck{"/f", false, true, "\n", Duration(1)}, file_arguments,
                    parse_file_arguments);
  expect_round_trip(SshRun{{"h", "", "u", "", "/k h", {}}, "/tmp/c"}, ssh_arguments,
                    parse_ssh_arguments);
  expect_round_trip(HttpCheck{"PUT", "https://h", {}, "{}", 599, ""}, http_arguments,
                    parse_http_arguments);
  expect_round_trip(AdbCheck{"S", "recovery", "h:1"}, adb_arguments, parse_adb_arguments);
  expect_round_trip(UsbCheck{"18d1", "4ee7", "S", "/s"}, usb_arguments, parse_usb_arguments);
  // What follows is theirs to any number.
  const SshRun run{{"h", "1", "", "", "", {"a", "", "b"}}, ""};
  EXPECT_EQ(parse_ssh_arguments(CheckArguments(ssh_arguments(run)).subspan(1)), run);
  const HttpCheck http{"GET", "http://h", {"A: b", "C: d"}, "", 0, "x"};
  EXPECT_EQ(parse_http_arguments(CheckArguments(http_arguments(http)).subspan(1)), http);
}

// The worker called with --run-check, this kind and these texts.
Ended run_words(std::vector<std::string> words) {
  ProcessSpec spec;
  spec.argv = {worker_path(), std::string(kRunCheckFlag)};
  if (!words.empty()) spec.argv.push_back(words[0]);
  for (size_t i = 1; i < words.size(); ++i) spec.input.append(words[i]).append(1, '\0');
  return run_child(spec);
}

TEST(Check, ChildRefusesWhatTheWorkerDoesNotSay) {
  const std::vector<std::vector<std::string>> rows = {
      {},
      {"noop"},
      {"command", "ls"},
      {"tcp"},
      {"tcp", "h"},
      {"tcp", "h", "1", "x", "y"},
      {"disk", "/", "1", "2", "3"},
      {"disk", "/", "-1", "2", "3", "4"},
      {"disk", "/", "1", "101", "3", "4"},
      {"disk", "/", "1", "", "3", "4"},
      {"file", "/", "1", "0", "", "x"},
      {"file", "/", "1", "0", "", "99999999999999999999"},
      {"ping", "h"},
      {"ssh", "h", "", "", "", ""},
      {"http", "GET", "http://h", "", "0"},
      {"http", "GET", "http://h", "", "ok", ""},
      {"http", "GET", "http://h", "", "600", ""},
      {"adb", "S", "device"},
      {"adb", "S", "device", "", "x"},
      {"usb", "18d1", "", ""},
  };
  for (const std::vector<std::string>& row : rows) {
    EXPECT_EQ(run_words(row).exit.exit_code, 64);
  }
  EXPECT_EQ(run_child({{worker_path(), "--run-check", "tcp", "h"}}).exit.exit_code, 64);
  ProcessSpec torn;
  torn.argv = {worker_path(), "--run-check", "tcp"};
  torn.input = std::string("h\0001\0x", 5);
  EXPECT_EQ(run_child(torn).exit.exit_code, 64);
  char name[] = "muster-worker";
  char flag[] = "--home";
  char* other[] = {name, flag};
  EXPECT_FALSE(is_check_child(1, other));
  EXPECT_FALSE(is_check_child(2, other));
}

TEST(Check, ChildPrintsOneLineAndExits) {
  const Ended failed = run_words({"file", "/nowhere", "1", "0", "", "0"});
  EXPECT_EQ(failed.exit.exit_code, 1);
  EXPECT_EQ(failed.output, "/nowhere: No such file or directory\n");
  const Ended passed = run_words({"file", "/", "1", "0", "", "0"});
  EXPECT_EQ(passed.exit.exit_code, 0);
  EXPECT_EQ(passed.output, "/: is as it should be\n");
}

TEST(Check, DiagnosticLine) {
  struct Row {
    const char* output;
    std::optional<int> exit_code;
    std::optional<int> signal;
    bool timed_out;
    const char* line;
  };
  const std::vector<Row> rows = {
      {"battery at 3 %\n", 1, {}, false, "battery at 3 %"},
      {"first\nlast\n\n  \n", 1, {}, false, "last"},
      {"no line feed", 1, {}, false, "no line feed"},
      {"10%\r20%\r", 1, {}, false, "20%"},
      {"windows\r\n", 1, {}, false, "windows"},
      {"", 3, {}, false, "exit 3"},
      {" \n\t\n", 3, {}, false, "exit 3"},
      {"", 0, {}, false, ""},
      {"a note\n", 0, {}, false, "a note"},
      {"", {}, 9, false, "killed by signal 9"},
      {"working\n", {}, 11, false, "killed by signal 11: working"},
      {"", {}, 9, true, "timed out after 5s"},
      {"waiting for SSH-\n", {}, 15, true, "timed out after 5s: waiting for SSH-"},
      {"\x1b[1;31mred\x1b[0m\n", 1, {}, false, "red"},
      {"\x1b", 1, {}, false, "exit 1"},
      {"\x1b[", 1, {}, false, "exit 1"},
      {"a\tb\x01"
       "c\n",
       1,
       {},
       false,
       "a b c"},
      {"\xff bad \xc3\n", 1, {}, false, "\xef\xbf\xbd bad \xef\xbf\xbd"},
  };
  for (const Row& row : rows) {
    ProcessExit exit;
    exit.exit_code = row.exit_code;
    exit.signal = row.signal;
    EXPECT_EQ(diagnostic_line(row.output, exit, row.timed_out, Duration(5s)), row.line)
        << row.output;
  }
  const std::string line = diagnostic_line(std::string(1 << 20, 'x'), {}, true, Duration(1s));
  EXPECT_LE(line.size(), kMessageLengthMax);
  EXPECT_GT(line.size(), kMessageLengthMax - 8);
}

// --- tcp ---

std::string run_tcp(const std::string& greeting, const std::string& expect, bool passed) {
  const RawServer server([&greeting](int visitor) {
    // In two parts, as networks do.
    const std::string_view text = greeting;
    send_to(visitor, text.substr(0, text.size() / 2));
    send_to(visitor, text.substr(text.size() / 2));
  });
  ::testing::internal::CaptureStdout();  // its progress
  const CheckVerdict verdict = run_tcp_check({"127.0.0.1", server.port(), expect});
  ::testing::internal::GetCapturedStdout();
  EXPECT_EQ(verdict.passed, passed) << verdict.line;
  const std::string prefix = "127.0.0.1:" + server.port() + ": ";
  EXPECT_EQ(verdict.line.find(prefix), 0u) << verdict.line;
  return verdict.line.substr(prefix.size());
}

TEST(TcpCheck, JudgesAnswers) {
  EXPECT_EQ(run_tcp("", "", true), "accepts connections");
  EXPECT_EQ(run_tcp("SSH-2.0-x\r\n", "SSH-", true).find("says \"SSH-"), 0u);
  EXPECT_EQ(run_tcp("a\r\nb", "a\r\nb", true), "says \"a\"");
  EXPECT_EQ(run_tcp("READY", "READY", true), "says \"READY\"");
  // What it says may come in parts; the first that differs decides.
  EXPECT_EQ(run_tcp("220 mail\r\n", "SSH-", false).find("says \"220 "), 0u);
  EXPECT_EQ(run_tcp("REA", "READY", false), "says \"REA\" instead of \"READY\"");
  EXPECT_EQ(run_tcp("", "READY", false),
            "closed the connection without a word instead of \"READY\"");
  EXPECT_NE(run_tcp("\xff\x01\n"
                    "bin",
                    "READY", false)
                .find(" instead of \"READY\""),
            std::string::npos);
}

TEST(TcpCheck, RefusedConnections) {
  const BoundSocket socket;
  ::testing::internal::CaptureStdout();  // its progress
  EXPECT_EQ(run_tcp_check({"127.0.0.1", socket.port(), ""}).line,
            "127.0.0.1:" + socket.port() + ": Connection refused");
  ::testing::internal::GetCapturedStdout();
}

TEST(TcpCheck, WrongPortsAndHosts) {
  for (const char* port : {"", "0", "65536", "-1", "ssh", "22x", "99999999999999999999"}) {
    const CheckVerdict verdict = run_tcp_check({"127.0.0.1", port, ""});
    EXPECT_FALSE(verdict.passed);
    EXPECT_NE(verdict.line.find("is not a port from 1 to 65535"), std::string::npos) << port;
  }
  EXPECT_EQ(run_tcp_check({"::1", "x", ""}).line.find("[::1]:x: "), 0u);
}

// --- as real children ---

TEST_F(WorkerChild, CommandsPassAndFailWithTheirLastLine) {
  const auto run_shell = [](const std::string& text) {
    return run_check(CommandCheck{{"/bin/sh", "-c", text}}, worker_context());
  };
  const Ended passed = run_shell("echo fine");
  EXPECT_TRUE(passed.passed());
  EXPECT_EQ(passed.line(), "fine");
  const Ended failed = run_shell("echo a; echo b >&2; exit 3");
  EXPECT_EQ(failed.exit.exit_code, 3);
  EXPECT_EQ(failed.line(), "b");
}

TEST_F(WorkerChild, ChecksFilesAndDisks) {
  EXPECT_TRUE(run_check(FileCheck{dir(), true, true, "", {}}, worker_context()).passed());
  EXPECT_TRUE(run_check(DiskCheck{"/", 1, 0, 0, 0}, worker_context()).passed());
  const Ended failed = run_check(FileCheck{path("gone"), true, false, "", {}}, worker_context());
  EXPECT_EQ(failed.exit.exit_code, 1);
  EXPECT_EQ(failed.output, path("gone") + ": No such file or directory\n");
}

TEST_F(WorkerChild, AServerThatNeverAnswersIsGivenUp) {
  const BoundSocket socket;
  socket.listen();
  const Ended ended =
      run_check(TcpCheck{"127.0.0.1", socket.port(), "READY"}, worker_context(), "waiting");
  EXPECT_TRUE(ended.timed_out);
  EXPECT_EQ(ended.exit.signal, SIGKILL);
  EXPECT_EQ(ended.line(), "timed out after 1s: 127.0.0.1:" + socket.port() +
                              ": connected, waiting for \"READY\"");
}

// --- ping ---

TEST_F(WorkerChild, Pings) {
  const Ended passed = run_check(PingCheck{"127.0.0.1", 1}, worker_context());
  EXPECT_TRUE(passed.passed()) << passed.output;
  // Linux has no way to the addresses that are reserved for the future.
  const Ended failed = run_check(PingCheck{"240.0.0.1", 1}, worker_context());
  EXPECT_FALSE(failed.passed());
  EXPECT_NE(failed.line().find("0 received"), std::string::npos) << failed.line();
  const Ended unknown = run_check(PingCheck{"no such host", 1}, worker_context());
  EXPECT_FALSE(unknown.passed());
  EXPECT_NE(unknown.line().find("no such host"), std::string::npos) << unknown.line();
  // A name is never an option.
  EXPECT_FALSE(run_check(PingCheck{"-V", 1}, worker_context()).passed());
}

// --- disk ---

TEST(DiskCheck, ComparesWithWhatThereIs) {
  struct statvfs info {};
  ASSERT_EQ(::statvfs("/", &info), 0);
  // Half and twice of what is free: others write to this disk meanwhile.
  const uint64_t free = info.f_bavail * info.f_frsize;
  const uint64_t inodes = info.f_favail;
  EXPECT_TRUE(run_disk_check({"/", free / 2, 0, 0, 0}).passed);
  EXPECT_FALSE(run_disk_check({"/", free * 2 + 1, 0, 0, 0}).passed);
  EXPECT_TRUE(run_disk_check({"/", 0, 0, inodes / 2, 0}).passed);
  if (info.f_files > 0) {
    EXPECT_FALSE(run_disk_check({"/", 0, 0, inodes * 2 + 1, 0}).passed);
    EXPECT_NE(run_disk_check({"/", 0, 0, inodes * 2 + 1, 0}).line.find(" inodes free, needs "),
              std::string::npos);
  }
  EXPECT_TRUE(run_disk_check({"/", 0, 0, 0, 0}).passed);
  const std::string line = run_disk_check({"/", UINT64_MAX, 0, 0, 0}).line;
  EXPECT_EQ(line.find("/: "), 0u);
  EXPECT_NE(line.find(" free, needs "), std::string::npos) << line;
}

TEST(DiskCheck, ComparesPercent) {
  struct statvfs info {};
  ASSERT_EQ(::statvfs("/", &info), 0);
  const uint64_t percent = 100 * info.f_bavail / (info.f_blocks - info.f_bfree + info.f_bavail);
  if (percent >= 2) {
    EXPECT_TRUE(run_disk_check({"/", 0, static_cast<uint32_t>(percent / 2), 0, 0}).passed);
  }
  if (percent < 98) {
    const CheckVerdict verdict = run_disk_check({"/", 0, static_cast<uint32_t>(percent + 3), 0, 0});
    EXPECT_FALSE(verdict.passed);
    EXPECT_NE(verdict.line.find("%), needs "), std::string::npos) << verdict.line;
  }
  // A file system without blocks or inodes is not short of them.
  EXPECT_TRUE(run_disk_check({"/proc", 0, 100, 5, 100}).passed);
}

TEST(DiskCheck, PathsThatAreNotThere) {
  const CheckVerdict verdict = run_disk_check({"/nowhere", 1, 0, 0, 0});
  EXPECT_FALSE(verdict.passed);
  EXPECT_EQ(verdict.line, "/nowhere: No such file or directory");
}

// --- file ---

class FileCheckTest : public ScratchFiles {
 protected:
  // The fault of a check, without its path; empty when it passes.
  static std::string fault(const FileCheck& check) {
    const CheckVerdict verdict = run_file_check(check);
    return verdict.passed ? "" : verdict.line.substr(check.path.size() + 2);
  }
};

TEST_F(FileCheckTest, Existence) {
  const std::string file = write("f", "text");
  EXPECT_EQ(fault({file, true, false, "", {}}), "");
  EXPECT_EQ(fault({dir(), true, false, "", {}}), "");
  EXPECT_EQ(fault({path("gone"), true, false, "", {}}), "No such file or directory");
  EXPECT_EQ(fault({file + "/below", true, false, "", {}}), "Not a directory");
  EXPECT_EQ(fault({file, false, false, "", {}}), "is there, but must not be");
  EXPECT_EQ(fault({path("gone"), false, false, "", {}}), "");
  EXPECT_EQ(fault({file + "/below", false, false, "", {}}), "");
  EXPECT_NE(fault({std::string(5000, 'x'), false, false, "", {}}), "");
}

TEST_F(FileCheckTest, Writability) {
  const std::string file = write("f", "text");
  EXPECT_EQ(fault({file, true, true, "", {}}), "");
  EXPECT_EQ(*read_file(file, 100), "text");  // as it was
  EXPECT_EQ(fault({dir(), true, true, "", {}}), "");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir()), {}), 1);  // nothing is left
  EXPECT_NE(fault({"/proc", true, true, "", {}}), "");
  EXPECT_NE(fault({"/sys/kernel", true, true, "", {}}), "");
  if (::geteuid() != 0) {  // root may write everywhere
    ::chmod(file.c_str(), 0444);
    EXPECT_EQ(fault({file, true, true, "", {}}), "cannot be written: Permission denied");
    ::chmod(dir().c_str(), 0555);
    EXPECT_EQ(fault({dir(), true, true, "", {}}), "cannot make a file in it: Permission denied");
    ::chmod(dir().c_str(), 0755);
  }
}

TEST_F(FileCheckTest, Contents) {
  const std::string file = write("f", "one two\nthree");
  EXPECT_EQ(fault({file, true, false, "two\nth", {}}), "");
  EXPECT_EQ(fault({file, true, false, "e", {}}), "");
  EXPECT_EQ(fault({file, true, false, "four", {}}), "does not contain \"four\"");
  EXPECT_EQ(fault({write("empty", ""), true, false, "x", {}}), "does not contain \"x\"");
  EXPECT_EQ(fault({dir(), true, false, "x", {}}),
            "is not a regular file, so it cannot be searched");
  // Across the edge of two chunks, wherever it falls.
  for (const size_t before : {65530, 65531, 65535, 65536, 131070}) {
    const std::string large =
        write("large", std::string(before, 'a') + "needle" + std::string(70'000, 'b'));
    EXPECT_EQ(fault({large, true, false, "needle", {}}), "") << before;
    EXPECT_EQ(fault({large, true, false, "needles", {}}), "does not contain \"needles\"");
  }
  EXPECT_EQ(fault({"/proc/self/status", true, false, "Name:", {}}), "");
}

TEST_F(FileCheckTest, Age) {
  const std::string file = write("f", "x");
  EXPECT_EQ(fault({file, true, false, "", 1h}), "");
  const timespec old[2] = {{std::time(nullptr) - 7200, 0}, {std::time(nullptr) - 7200, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), old, 0), 0);
  EXPECT_EQ(fault({file, true, false, "", 3h}), "");
  EXPECT_EQ(fault({file, true, false, "", 1h}).find("was last changed 2h"), 0u);
  const timespec future[2] = {{std::time(nullptr) + 7200, 0}, {std::time(nullptr) + 7200, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), future, 0), 0);
  EXPECT_EQ(fault({file, true, false, "", 1h}), "");
}

// Nobody is at the other end: an ordinary open would wait for ever.
TEST_F(FileCheckTest, FifosDoNotHang) {
  const std::string fifo = path("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(fault({fifo, true, false, "", {}}), "");
  EXPECT_EQ(fault({fifo, true, true, "", {}}), "");
  EXPECT_EQ(fault({fifo, true, false, "x", {}}), "is not a regular file, so it cannot be searched");
}

}  // namespace
}  // namespace muster
