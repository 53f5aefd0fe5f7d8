#include "workers/job_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "io/clock.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using nlohmann::json;
using testing::_;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::VariantWith;

constexpr int kPatienceMs = 10'000;

// A job's end of the socket.
class Client {
 public:
  explicit Client(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    const int connected =
        ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    EXPECT_EQ(connected, 0) << std::strerror(errno);
  }
  // Bytes that the socket took at once.
  size_t send(std::string_view bytes) {
    const ssize_t count =
        ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return count > 0 ? static_cast<size_t>(count) : 0;
  }
  void end() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }
  // What has come; false at the end.
  bool receive(std::string& to) {
    char bytes[4096];
    const ssize_t count = ::recv(fd_.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (count > 0) to.append(bytes, static_cast<size_t>(count));
    return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
  }
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

class JobApiTest : public ::testing::Test {
 protected:
  JobApiTest() { std::filesystem::create_directory(work()); }

  std::string work() const { return scratch_ / "work"; }
  std::string artifacts() const { return scratch_ / "artifacts"; }

  void listen(const JobApiLimits& limits = {}) {
    Result<std::unique_ptr<JobApi>> api = JobApi::listen(
        {scratch_ / "s", {work()}, artifacts()}, limits,
        [this](ReportBody body) { return take(std::move(body)); },
        [](const std::string& name) { return "http://archive/" + name; }, now_);
    ASSERT_TRUE(api.ok()) << api.error();
    api_ = std::move(*api);
  }

  std::string take(ReportBody body) {
    if (said_.size() >= room_) return "enough";
    said_.push_back(std::move(body));
    return "";
  }

  // Lets the api work until `enough`, waiting as the worker's loop does. False: it never came.
  bool run_until(const std::function<bool()>& enough, int also_fd = -1) {
    const int64_t give_up = boot_us() + kPatienceMs * 1'000;
    while (!enough()) {
      if (boot_us() > give_up) return false;
      std::vector<int> fds;
      api_->descriptors(fds);
      if (also_fd >= 0) fds.push_back(also_fd);
      std::vector<pollfd> polls;
      for (const int fd : fds) polls.push_back({fd, POLLIN, 0});
      const std::optional<Instant> deadline = api_->next_deadline();
      ::poll(polls.data(), polls.size(), deadline && *deadline <= now_ ? 0 : kPatienceMs);
      api_->wake(now_);
    }
    return true;
  }

  // The answers to what the client sent: `count` of them.
  std::vector<json> answers(Client& client, size_t count = 1) {
    std::string text;
    const bool came = run_until(
        [&] {
          const bool open = client.receive(text);
          return !open || static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) >= count;
        },
        client.fd());
    EXPECT_TRUE(came) << "waited in vain; so far: " << text;
    std::vector<json> lines;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find('\n', at), text.size());
      lines.push_back(json::parse(text.substr(at, end - at), nullptr, false));
      at = end + 1;
    }
    return lines;
  }

  json ask(Client& client, const std::string& line) {
    client.send(line + "\n");
    const std::vector<json> lines = answers(client);
    EXPECT_THAT(lines, SizeIs(1));
    return lines.empty() ? json() : lines[0];
  }
  json ask(const std::string& line) {
    Client client(api_->path());
    return ask(client, line);
  }
  std::string refusal(const std::string& line) {
    const json answer = ask(line);
    EXPECT_EQ(answer["ok"], false) << answer;
    return answer.value("error", "");
  }

  void write(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
  }

  Scratch scratch_;
  Instant now_ = from_us(1'000'000'000);
  std::vector<ReportBody> said_;
  size_t room_ = SIZE_MAX;  // in said_
  std::unique_ptr<JobApi> api_;
};

TEST_F(JobApiTest, EveryVerbBecomesAReport) {
  listen();
  Client client(api_->path());
  const char* lines[] = {
      R"({"shout": {"big": 123456789012345678901234567890, "a": [1.50]}})",
      R"({"report": {"suite": "s", "name": "n", "outcome": "fail", "seconds": 1.5, "message": "m"}})",
      R"({"measure": {"table": "perf", "row": {"n": 9007199254740993, "x": 1.0, "ok": true, "w": "7", "no": null}}})",
      R"({"progress": {"percent": 42.9, "text": "half"}})",
      R"({"call_failed": {"method": "device ls", "arguments": ["device", "ls"], "peer": "p", "error": "e"}})",
  };
  for (const char* line : lines) EXPECT_EQ(ask(client, line), json({{"ok", true}})) << line;
  EXPECT_THAT(
      said_,
      ElementsAre(ReportBody(Shout{R"({"big": 123456789012345678901234567890, "a": [1.50]})"}),
                  ReportBody(CaseResult{"s", "n", Outcome::fail, 1500ms, "m"}),
                  ReportBody(Measurement{"perf",
                                         {{"n", int64_t{9007199254740993}},
                                          {"ok", true},
                                          {"w", std::string("7")},
                                          {"x", 1.0}}}),
                  ReportBody(Progress{42, "half"}),
                  ReportBody(CallFailed{"device ls", R"(["device","ls"])", "p", "e"})));
}

TEST_F(JobApiTest, AMalformedLineIsToldWhyAndClosesNothing) {
  listen();
  Client client(api_->path());
  const struct {
    std::string line;
    const char* reason;
  } rows[] = {
      {"nonsense", "not a JSON object"},
      {"{", "not a JSON object"},
      {"\xff", "not a JSON object"},
      {"[]", "one member"},
      {"{}", "one member"},
      {R"({"shout":{},"progress":{}})", "one member"},
      {R"({"shuot":{}})", "unknown verb \"shuot\""},
      {R"({"shout":[]})", "shout: wants an object"},
      {R"({"shout":)" + std::string(100, '[') + std::string(100, ']') + "}", "shout: wants"},
      {R"({"shout":{"a":)" + std::string(100, '[') + std::string(100, ']') + "}}", "nested deeper"},
      {R"({"shout":{"a":")" + std::string(kShoutBytesMax, 'x') + "\"}}", "are allowed"},
      {R"({"report":{"outcome":"pass"}})", "report: wants \"name\""},
      {R"({"report":{"name":"n"}})", "report: wants \"outcome\""},
      {R"({"report":{"name":"n","outcome":"PASS"}})", "pass, fail, error or skip"},
      {R"({"report":{"name":"","outcome":"pass"}})", "is empty"},
      {R"({"report":{"name":"n","outcome":"pass","seconds":-1}})", "must be a number from 0"},
      {R"({"report":{"name":"n","outcome":"pass","second":1}})", "does not know \"second\""},
      {R"({"report":{"junit":"a","name":"n"}})", "stands alone"},
      {R"({"report":{"name":")" + std::string(2000, 'n') + R"(","outcome":"pass"}})", "is longer"},
      {R"({"measure":{"row":{"a":1}}})", "wants \"table\""},
      {R"({"measure":{"table":"perf"}})", "wants \"row\""},
      {R"({"measure":{"table":"a b","row":{"a":1}}})", "table"},
      {R"({"measure":{"table":"perf","row":{"a":[1]}}})", "must be a number, a text"},
      {R"({"measure":{"table":"perf","row":{"a":9223372036854775808}}})", "send it as a text"},
      {R"({"measure":{"table":"perf","row":{"a":123456789012345678901}}})", "send it as a text"},
      {R"({"measure":{"table":"perf","row":{}}})", "no columns"},
      {R"({"progress":{"percent":101}})", "from 0 to 100"},
      {R"({"progress":{"percent":"50"}})", "from 0 to 100"},
      {R"({"push":{}})", "wants \"file\""},
      {R"({"call_failed":{"method":"m"}})", "wants \"error\""},
  };
  for (const auto& row : rows) {
    const json answer = ask(client, row.line);
    EXPECT_EQ(answer["ok"], false) << row.line;
    EXPECT_THAT(answer.value("error", ""), HasSubstr(row.reason)) << row.line;
  }
  // Each is a call that failed, but for what was to report one.
  EXPECT_THAT(said_, SizeIs(std::size(rows) - 1));
  for (const ReportBody& body : said_) {
    EXPECT_TRUE(std::holds_alternative<CallFailed>(body));
  }
  EXPECT_EQ(ask(client, R"({"progress":{"percent":1}})")["ok"], true);
}

TEST_F(JobApiTest, ACallThatFailsIsReportedAndOneThatDoesNotWhereThatIsAskedFor) {
  listen();
  Client client(api_->path());
  const std::string shout = R"({"shout": {"a": 1}})";
  ask(client, shout);
  ask(client, R"({"push": {"file": "absent"}})");
  ask(client, "nonsense");
  ASSERT_THAT(said_, SizeIs(3));
  const auto& absent = std::get<CallFailed>(said_[1]);
  EXPECT_EQ(absent.method, "push");
  EXPECT_EQ(absent.arguments, R"({"file":"absent"})");
  EXPECT_EQ(absent.peer, "the job's socket");
  EXPECT_THAT(absent.error, HasSubstr("absent"));
  const auto& nonsense = std::get<CallFailed>(said_[2]);
  EXPECT_EQ(nonsense.method, "unreadable");
  EXPECT_EQ(nonsense.arguments, R"("nonsense")");

  said_.clear();
  api_->trace_calls(true);
  ask(client, shout);
  ask(client, R"({"shout": {"b": ")" + std::string(2000, 'x') + R"("}})");
  ask(client, R"({"call_made": {"method": "device ls", "arguments": ["-v"], "peer": "p"}})");
  ASSERT_THAT(said_, SizeIs(5)) << "what reports a call is none";
  EXPECT_EQ(said_[1], ReportBody(CallMade{"shout", R"({"a":1})", "the job's socket"}));
  const auto cut = json::parse(std::get<CallMade>(said_[3]).arguments);
  ASSERT_TRUE(cut.is_string());
  EXPECT_LE(cut.get<std::string>().size(), 1024u);
  EXPECT_EQ(said_[4], ReportBody(CallMade{"device ls", R"(["-v"])", "p"}));
}

TEST_F(JobApiTest, AnswersComeInOrderAndALastLineNeedsNoEnd) {
  listen();
  Client client(api_->path());
  client.send("{\"progress\":{\"percent\":1}}\n\n  \r\nbad\n{\"progress\":{\"percent\":2}}");
  client.end();
  const std::vector<json> lines = answers(client, 3);
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_EQ(lines[0]["ok"], true);
  EXPECT_EQ(lines[1]["ok"], false);
  EXPECT_EQ(lines[2]["ok"], true);
}

TEST_F(JobApiTest, ALineHasABound) {
  JobApiLimits limits;
  limits.line_bytes = 100;
  listen(limits);
  Client client(api_->path());
  EXPECT_THAT(ask(client, std::string(101, 'x'))["error"], HasSubstr("longer than 100 bytes"));
  EXPECT_THAT(ask(client, std::string(100'000, 'x'))["error"], HasSubstr("longer than 100 bytes"));
  EXPECT_EQ(ask(client, R"({"progress":{"percent":1}})")["ok"], true);
}

// Other clients may have used up the lines of the wake in which a too long one came.
TEST_F(JobApiTest, ATooLongLineIsAnsweredHoweverBusyTheOthersAre) {
  JobApiLimits limits;
  limits.line_bytes = 1'000;
  limits.burst = 1'000'000;
  listen(limits);
  Client busy(api_->path());
  Client longwinded(api_->path());
  api_->wake(now_);
  std::string lines;
  for (int i = 0; i < 256; ++i) lines += "{\"progress\":{\"percent\":1}}\n";
  busy.send(lines);
  longwinded.send(std::string(2'000, 'x'));
  api_->wake(now_);
  api_->wake(now_);
  EXPECT_THAT(answers(longwinded)[0]["error"], HasSubstr("longer than 1000 bytes"));
}

TEST_F(JobApiTest, FilesOfResultsAreReadHereWhereTheyLie) {
  listen();
  write(work() + "/r.xml",
        "<testsuite name='S'><testcase name='a'/><testcase name='b'/></testsuite>");
  write(work() + "/g.json", R"({"testsuites":[{"name":"G","testsuite":[{"name":"c"}]}]})");
  write(work() + "/m.csv", "n,x\n1,1.5\n2,\n");
  write(work() + "/half.xml", "<testsuite><testcase name='d'/>");
  EXPECT_EQ(ask(R"({"report":{"junit":"r.xml"}})"), json({{"ok", true}, {"cases", 2}}));
  EXPECT_EQ(ask(R"({"report":{"gtest":")" + work() + R"(/g.json"}})"),
            json({{"ok", true}, {"cases", 1}}));
  EXPECT_EQ(ask(R"({"measure":{"table":"perf","csv":"m.csv"}})"),
            json({{"ok", true}, {"rows", 2}}));
  const json half = ask(R"({"report":{"junit":"half.xml"}})");
  EXPECT_EQ(half["ok"], false);
  EXPECT_EQ(half["cases"], 1);
  EXPECT_THAT(half["error"], HasSubstr("\"half.xml\": line 1: "));
  ASSERT_THAT(said_, SizeIs(7));
  EXPECT_EQ(std::get<CaseResult>(said_[2]).suite, "G");
  EXPECT_EQ(std::get<CallFailed>(said_[6]).method, "report");
}

TEST_F(JobApiTest, AFileIsWorkedOnInPiecesAndOthersAreServedMeanwhile) {
  listen();
  std::string text = "<testsuite name='S'>";
  for (int i = 0; i < 100'000; ++i) text += "<testcase name='" + std::to_string(i) + "'/>";
  write(work() + "/r.xml", text + "</testsuite>");
  Client slow(api_->path());
  slow.send("{\"report\":{\"junit\":\"r.xml\"}}\n");
  ASSERT_TRUE(run_until([&] { return !said_.empty(); }));
  EXPECT_LT(said_.size(), 100'000u);
  EXPECT_EQ(ask(R"({"progress":{"percent":1}})")["ok"], true);
  EXPECT_LT(said_.size(), 100'000u);
  EXPECT_EQ(answers(slow)[0]["cases"], 100'000);
}

TEST_F(JobApiTest, OnlyRegularFilesOfTheJobAreRead) {
  listen();
  write(scratch_ / "secret", "<testsuite><testcase name='x'/></testsuite>");
  std::filesystem::create_symlink(scratch_ / "secret", work() + "/link");
  std::filesystem::create_directory(work() + "/dir");
  ASSERT_EQ(::mkfifo((work() + "/pipe").c_str(), 0600), 0);
  for (const std::string path : {"../secret", "link", "dir/../../secret"}) {
    EXPECT_THAT(refusal(R"({"report":{"junit":")" + path + "\"}}"), HasSubstr("leads out")) << path;
  }
  EXPECT_THAT(refusal(R"({"report":{"junit":")" + (scratch_ / "secret") + "\"}}"),
              HasSubstr("outside of the job's directories"));
  EXPECT_THAT(refusal(R"({"report":{"junit":"dir"}})"), HasSubstr("not a regular file"));
  EXPECT_THAT(refusal(R"({"report":{"junit":"pipe"}})"), HasSubstr("not a regular file"));
  EXPECT_THAT(refusal(R"({"report":{"junit":"none"}})"), HasSubstr("No such file"));
  EXPECT_THAT(refusal(R"({"push":{"file":"../secret"}})"), HasSubstr("leads out"));
  EXPECT_THAT(said_, Each(VariantWith<CallFailed>(_)));
}

TEST_F(JobApiTest, APushedFileIsWholeInTheArtifacts) {
  listen();
  const std::string bytes(3'000'000, 'p');
  write(work() + "/out.bin", bytes);
  const json answer = ask(R"({"push":{"file":"out.bin","as":"logs/one.bin"}})");
  EXPECT_EQ(answer,
            json({{"ok", true}, {"name", "logs/one.bin"}, {"url", "http://archive/logs/one.bin"}}));
  const Result<std::string> copy = read_file(artifacts() + "/logs/one.bin", 1 << 24);
  ASSERT_TRUE(copy.ok()) << copy.error();
  EXPECT_EQ(*copy, bytes);
  ASSERT_THAT(said_, SizeIs(1));
  const Artifact& artifact = std::get<Artifact>(said_[0]);
  EXPECT_EQ(artifact.bytes, bytes.size());
  EXPECT_EQ(artifact.sha256.size(), 64u);
  // It may be replaced, and its name is the file's unless another is given.
  write(work() + "/out.bin", "new");
  EXPECT_EQ(ask(R"({"push":{"file":"out.bin","as":"logs/one.bin"}})")["ok"], true);
  EXPECT_EQ(*read_file(artifacts() + "/logs/one.bin", 100), "new");
  EXPECT_EQ(ask(R"({"push":{"file":"out.bin"}})")["name"], "out.bin");
  EXPECT_EQ(ask(R"({"push":{"file":"out.bin","as":"log"}})")["name"], "artifacts/log")
      << "as muster artifact ls has it";
  // Nothing half-made stays.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(scratch_.path()), {}), 3);
}

TEST_F(JobApiTest, APushGoesNowhereElse) {
  listen();
  write(work() + "/f", "x");
  for (const std::string as : {"../f", "/f", "a/../../f", "a//f", "./f", "..", "a/", ".muster/f",
                               "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18"}) {
    EXPECT_THAT(refusal(R"({"push":{"file":"f","as":")" + as + "\"}}"),
                HasSubstr("may not be called"))
        << as;
  }
  EXPECT_EQ(ask(R"({"push":{"file":"f"}})")["ok"], true);
  std::filesystem::create_directory_symlink(work(), artifacts() + "/out");
  EXPECT_THAT(refusal(R"({"push":{"file":"f","as":"out/g"}})"), HasSubstr("cannot put"));
  EXPECT_FALSE(std::filesystem::exists(work() + "/g"));
}

TEST_F(JobApiTest, PushesHaveABound) {
  JobApiLimits limits;
  limits.pushed_bytes = 10;
  limits.pushed_files = 3;
  listen(limits);
  write(work() + "/six", "123456");
  EXPECT_EQ(ask(R"({"push":{"file":"six"}})")["ok"], true);
  EXPECT_THAT(refusal(R"({"push":{"file":"six","as":"b"}})"), HasSubstr("exceeds"));
  write(work() + "/four", "1234");
  EXPECT_EQ(ask(R"({"push":{"file":"four"}})")["ok"], true);
  EXPECT_THAT(refusal(R"({"push":{"file":"four"}})"), HasSubstr("may push 3 files"));
}

TEST_F(JobApiTest, AFloodIsDroppedAndSaysSoOnce) {
  JobApiLimits limits;
  limits.burst = 3;
  limits.per_second = 1;
  listen(limits);
  Client client(api_->path());
  const std::string line = R"({"progress":{"percent":1}})";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(client, line)["ok"], true);
  EXPECT_THAT(ask(client, line)["error"], HasSubstr("1 dropped"));
  EXPECT_THAT(ask(client, line)["error"], HasSubstr("2 dropped"));
  EXPECT_EQ(api_->dropped(), 2u);
  ASSERT_THAT(said_, SizeIs(4));
  EXPECT_EQ(std::get<Record>(said_[3]).status, "WARN");
  now_ += 1s;
  EXPECT_EQ(ask(client, line)["ok"], true);
  EXPECT_EQ(ask(client, line)["dropped"], 3);
  EXPECT_THAT(said_, SizeIs(5));
}

TEST_F(JobApiTest, WhatAFloodDropsIsToldWhereItIsARequest) {
  JobApiLimits limits;
  limits.burst = 1;
  limits.per_second = 0;
  listen(limits);
  std::vector<JobRequest> dropped;
  api_->on_drop([&](const JobRequest& request) { dropped.push_back(request); });
  Client client(api_->path());
  const char* fail = R"({"report":{"suite":"s","name":"n","outcome":"fail"}})";
  EXPECT_EQ(ask(client, fail)["ok"], true);
  EXPECT_EQ(ask(client, fail)["ok"], false);
  EXPECT_EQ(ask(client, R"({"report":{"name":7}})")["ok"], false);
  EXPECT_EQ(ask(client, R"({"report":{"junit":"r.xml"}})")["ok"], false);
  ASSERT_THAT(dropped, SizeIs(2));
  EXPECT_EQ(std::get<CaseResult>(std::get<SayRequest>(dropped[0]).body).outcome, Outcome::fail);
  EXPECT_EQ(std::get<ResultFileRequest>(dropped[1]).path, "r.xml");
}

TEST_F(JobApiTest, AllThatAnAttemptSaysHasABound) {
  room_ = 2;
  listen();
  write(work() + "/r.xml",
        "<testsuite><testcase name='a'/><testcase name='b'/><testcase name='c'/></testsuite>");
  const json answer = ask(R"({"report":{"junit":"r.xml"}})");
  EXPECT_EQ(answer["ok"], false);
  EXPECT_EQ(answer["cases"], 2);
  EXPECT_EQ(answer["dropped"], 1);
  EXPECT_EQ(answer["error"], "enough, 1 dropped");
  EXPECT_EQ(refusal(R"({"progress":{"percent":1}})"), "enough, 2 dropped");
  EXPECT_THAT(said_, SizeIs(2));
}

TEST_F(JobApiTest, ASilentClientHoldsUpNobody) {
  JobApiLimits limits;
  limits.connections = 4;
  listen(limits);
  std::list<Client> silent;
  for (int i = 0; i < 20; ++i) {
    silent.emplace_back(api_->path()).send("{\"half");
    EXPECT_EQ(ask(R"({"progress":{"percent":1}})")["ok"], true);
    now_ += 1s;
  }
  std::string text;
  while (silent.front().receive(text) && text.empty()) api_->wake(now_);
  EXPECT_THAT(text, HasSubstr("silent for longest"));
}

TEST_F(JobApiTest, AClientThatReadsNoAnswersIsNotReadEither) {
  JobApiLimits limits;
  limits.burst = 1'000'000;
  listen(limits);
  Client deaf(api_->path());
  std::string lines;
  for (int i = 0; i < 1'000; ++i) lines += "bad\n";
  size_t sent = 0;
  for (int i = 0; i < 10'000; ++i) {
    sent += deaf.send(lines);
    api_->wake(now_);
  }
  EXPECT_LT(sent, 4u << 20);
  EXPECT_EQ(ask(R"({"progress":{"percent":1}})")["ok"], true);
}

TEST_F(JobApiTest, WhatWasSentBeforeTheEndIsTaken) {
  listen();
  Client sent(api_->path());
  sent.send("{\"progress\":{\"percent\":1}}\n{\"progress\":{\"percent\":2}}\n");
  sent.close();
  Client open(api_->path());
  open.send("{\"half");
  api_->finish(now_);
  ASSERT_TRUE(run_until([&] { return api_->over(); }));
  EXPECT_THAT(said_, SizeIs(2));
}

// Of what a job had sent just before it exited, all was lost but what one read took.
TEST_F(JobApiTest, WhatTheKernelStillHoldsAtTheEndIsTakenToo) {
  listen();
  Client gone(api_->path());
  Client open(api_->path());
  const std::string line = R"({"report":{"suite":"s","name":"n","outcome":"pass","message":")" +
                           std::string(60'000, 'x') + "\"}}\n";
  size_t sent = 0;
  for (Client* client : {&gone, &open}) {
    const int room = 400'000;
    ASSERT_EQ(::setsockopt(client->fd(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room), 0);
    while (client->send(line) == line.size()) ++sent;
  }
  ASSERT_GT(sent, 4u);
  gone.close();
  api_->finish(now_);
  ASSERT_TRUE(run_until([&] { return api_->over(); }));
  EXPECT_THAT(said_, SizeIs(sent));
}

TEST_F(JobApiTest, AllClientsThatWaitAtTheEndAreHeard) {
  listen();
  std::list<Client> clients;
  for (int i = 0; i < 200; ++i) {
    clients.emplace_back(api_->path()).send("{\"progress\":{\"percent\":1}}\n");
    clients.back().close();
  }
  api_->finish(now_);
  ASSERT_TRUE(run_until([&] { return api_->over(); }));
  EXPECT_THAT(said_, SizeIs(200));
}

TEST_F(JobApiTest, SettlesOnceAllIsTakenAndServesOn) {
  listen();
  EXPECT_TRUE(api_->settled());
  Client client(api_->path());
  std::string lines;
  for (int i = 0; i < 1'000; ++i) lines += "{\"progress\":{\"percent\":1}}\n";
  ASSERT_EQ(client.send(lines), lines.size());
  api_->settle(now_);
  EXPECT_FALSE(api_->settled());
  ASSERT_TRUE(run_until([&] { return api_->settled(); }));
  EXPECT_THAT(said_, SizeIs(1'000));
  EXPECT_EQ(ask(R"({"progress":{"percent":2}})")["ok"], true);
}

TEST_F(JobApiTest, TheEndDoesNotWaitForever) {
  listen();
  Client deaf(api_->path());
  std::string lines;
  for (int i = 0; i < 1'000; ++i) lines += "bad\n";
  for (int i = 0; i < 1'000; ++i) {
    deaf.send(lines);
    api_->wake(now_);
  }
  api_->finish(now_);
  EXPECT_FALSE(api_->over());
  ASSERT_TRUE(api_->next_deadline());
  now_ += 1min;
  api_->wake(now_);
  EXPECT_TRUE(api_->over());
}

TEST_F(JobApiTest, TheSocketIsItsOwnersOnlyAndGoesWithIt) {
  listen();
  struct stat status;
  ASSERT_EQ(::stat(api_->path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  const std::string path = api_->path();
  api_.reset();
  EXPECT_NE(::stat(path.c_str(), &status), 0);
}

TEST_F(JobApiTest, ALongPathHasAShortOneInItsPlace) {
  const std::string dir = scratch_ / std::string(100, 'd');
  std::filesystem::create_directory(dir);
  Result<std::unique_ptr<JobApi>> api = JobApi::listen(
      {dir + "/socket", {work()}, artifacts()}, {},
      [this](ReportBody body) { return take(std::move(body)); },
      [](const std::string&) { return ""; }, now_);
  ASSERT_TRUE(api.ok()) << api.error();
  api_ = std::move(*api);
  EXPECT_LE(api_->path().size(), 107u);
  EXPECT_EQ(ask(R"({"progress":{"percent":1}})")["ok"], true);
  const std::string private_dir = std::filesystem::path(api_->path()).parent_path();
  struct stat status;
  ASSERT_EQ(::stat(private_dir.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700u);
  api_.reset();
  EXPECT_NE(::stat(private_dir.c_str(), &status), 0);
}

}  // namespace
}  // namespace muster
