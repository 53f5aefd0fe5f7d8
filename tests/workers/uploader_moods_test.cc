// The uploader against servers that do what servers do on bad days.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "core/limits.h"
#include "io/archive_name.h"
#include "io/http.h"
#include "tests/workers/uploader_in_hand.h"

namespace muster {
namespace {

namespace fs = std::filesystem;

using ::testing::HasSubstr;

// Answers as it is told, and as the archive does afterwards.
class MoodyServer {
 public:
  explicit MoodyServer(const std::string& dir) : store_(dir, 0) {
    const auto serve = [this](const httplib::Request& request, httplib::Response& response) {
      answer(request, response);
    };
    server_.new_task_queue = [] { return new httplib::ThreadPool(16); };
    server_.set_tcp_nodelay(true);
    server_.Get(".*", serve);
    server_.Put(".*", serve);
    server_.Post(".*", serve);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~MoodyServer() {
    release();
    server_.stop();
    thread_.join();
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // The next `count` requests are answered so, whatever they are.
  void fail_next(int count, int status) {
    const std::lock_guard lock(mutex_);
    failures_ = count;
    failure_ = status;
  }
  int failures_left() {
    const std::lock_guard lock(mutex_);
    return failures_;
  }
  // Requests about this name get no answer before release().
  void hold(const std::string& name) {
    const std::lock_guard lock(mutex_);
    held_ = name;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    held_.clear();
    released_.notify_all();
  }

 private:
  void answer(const httplib::Request& request, httplib::Response& response) {
    const auto name = parse_archive_path(request.target.substr(0, request.target.find('?')));
    ASSERT_TRUE(name.ok()) << request.target;
    {
      std::unique_lock lock(mutex_);
      if (failures_ > 0) {
        --failures_;
        response.status = failure_;
        return;
      }
      released_.wait(lock, [&] { return held_.empty() || name->name != held_; });
    }
    ArchiveReply reply;
    if (request.method == "PUT") {
      reply = store_.append(*name, std::stoull(request.get_param_value("offset")), request.body,
                            clock_.now());
    } else if (request.has_param("complete")) {
      reply = store_.complete(*name, std::stoull(request.get_param_value("bytes")),
                              request.get_param_value("sha256"), clock_.now());
    } else {
      reply = store_.look(*name);
    }
    response.status = reply.ok() ? 200 : reply.fault == ArchiveFault::absent ? 404 : 409;
    response.set_header("Muster-Bytes", std::to_string(reply.bytes));
    response.set_header("Muster-Complete", reply.complete ? "true" : "false");
    if (reply.complete) response.set_header("Muster-Sha256", reply.sha256);
  }

  ArchiveStore store_;
  SystemClock clock_;
  httplib::Server server_;
  int port_ = 0;
  std::mutex mutex_;
  std::condition_variable released_;
  int failures_ = 0;
  int failure_ = 500;
  std::string held_;
  std::thread thread_;
};

TEST_F(UploaderTest, ServersThatFailAreAskedAgain) {
  MoodyServer server(path("archive"));
  for (const int status : {500, 502, 507, 404, 403}) {
    const AttemptToken token{"task-number-" + std::to_string(status), 1};
    server.fail_next(2, status);
    append("log", "x", token);
    const auto uploader = start(config(server.url()));
    uploader->follow(token, attempt_dir(token));
    uploader->finish(token);
    EXPECT_TRUE(eventually([&] { return complete("log", token); })) << status;
    EXPECT_EQ(server.failures_left(), 0);
    EXPECT_EQ(archived("log", token), "x");
    EXPECT_TRUE(eventually([&] { return uploader->status().attempts == 0; }));
  }
}

TEST_F(UploaderTest, AnAnswerThatDoesNotComeHoldsUpNoOtherFile) {
  MoodyServer server(path("archive"));
  server.hold("slow");
  append("artifacts/slow", "slow");
  append("log", "console");
  const auto uploader = start(config(server.url()));
  uploader->follow(kToken, attempt_dir());
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return complete("log"); }));
  EXPECT_FALSE(complete("slow"));
  server.release();
  EXPECT_TRUE(eventually([&] { return nothing_left(); }));
  EXPECT_EQ(archived("slow"), "slow");
}

TEST_F(UploaderTest, AnUploaderEndsAlthoughAServerHangs) {
  MoodyServer server(path("archive"));
  server.hold("log");
  append("log", "x");
  const int64_t before_us = boot_us();
  {
    const auto uploader = start(config(server.url()));
    uploader->follow(kToken, attempt_dir());
    EXPECT_TRUE(eventually([&] { return uploader->status().files == 1; }));
  }
  EXPECT_LT(boot_us() - before_us, Duration(20s).count());
}

TEST_F(UploaderTest, NobodyAtTheAddressIsWaitedFor) {
  append("log", "x");
  const auto uploader = start(config("http://127.0.0.1:1"));
  uploader->follow(kToken, attempt_dir());
  uploader->finish(kToken);
  EXPECT_TRUE(eventually([&] { return !uploader->status().fault.empty(); }));
  EXPECT_THAT(uploader->status().fault, HasSubstr("127.0.0.1"));
  EXPECT_TRUE(fs::exists(attempt_dir() + "/log"));
}

TEST_F(UploaderTest, AnAddressThatIsNoneIsRefused) {
  EXPECT_FALSE(Uploader::start(config("gopher://box")).ok());
}

}  // namespace
}  // namespace muster
