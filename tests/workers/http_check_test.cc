// The http check against a real HTTP server, and against servers that are none.
#include <httplib.h>
#include <poll.h>

#include <algorithm>
#include <future>
#include <thread>

#include "tests/workers/check_child.h"
#include "workers/checks/http.h"

namespace muster {
namespace {

class HttpServer {
 public:
  HttpServer() {
    server_.set_tcp_nodelay(true);
    server_.Get("/fine", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("all is fine\nhere", "text/plain");
    });
    server_.Get("/moved", [](const httplib::Request&, httplib::Response& response) {
      response.set_redirect("/fine");
    });
    server_.Get("/empty", [](const httplib::Request&, httplib::Response& response) {
      response.status = 204;
    });
    server_.Get("/broken", [](const httplib::Request&, httplib::Response& response) {
      response.status = 503;
      response.set_content("<b>disk full</b>", "text/html");
    });
    server_.Get("/endless", [](const httplib::Request&, httplib::Response& response) {
      response.set_chunked_content_provider("text/plain", [](size_t, httplib::DataSink& sink) {
        const std::string chunk(64 << 10, 'x');
        return sink.write(chunk.data(), chunk.size());
      });
    });
    // Says what it was asked.
    const auto echo = [](const httplib::Request& request, httplib::Response& response) {
      response.set_content(request.method + " " + request.get_header_value("X-Lab") + " " +
                               request.get_header_value("User-Agent") + " [" + request.body + "]",
                           "text/plain");
    };
    server_.Post("/echo", echo);
    server_.Put("/echo", echo);
    server_.Delete("/echo", echo);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
  }
  ~HttpServer() {
    server_.stop();
    thread_.join();
  }
  std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

class HttpCheckTest : public WorkerChild {
 protected:
  static HttpCheck get(const std::string& url, uint32_t status = 0,
                       const std::string& contains = "") {
    return {"GET", url, {}, "", status, contains};
  }
  // What the check says, with "pass: " before it when it passed.
  static std::string run(const HttpCheck& check) {
    const Ended ended = run_check(check, worker_context());
    return (ended.passed() ? "pass: " : "") + ended.line();
  }

  HttpServer server_;
};

TEST_F(HttpCheckTest, PassesOnAnyAnswerOfTheTwoHundreds) {
  EXPECT_EQ(run(get(server_.url("/fine"))), "pass: GET " + server_.url("/fine") + ": answers 200");
  EXPECT_EQ(run(get(server_.url("/empty"))),
            "pass: GET " + server_.url("/empty") + ": answers 204");
}

TEST_F(HttpCheckTest, OtherAnswersFail) {
  EXPECT_EQ(run(get(server_.url("/broken"))),
            "GET " + server_.url("/broken") + ": answers 503 instead of 2xx: \"<b>disk full</b>\"");
  EXPECT_EQ(run(get(server_.url("/nothing"))),
            "GET " + server_.url("/nothing") + ": answers 404 instead of 2xx");
  // Redirects are not followed.
  EXPECT_EQ(run(get(server_.url("/moved"))),
            "GET " + server_.url("/moved") + ": answers 302 instead of 2xx");
}

TEST_F(HttpCheckTest, AStatusMayBeAskedFor) {
  EXPECT_EQ(run(get(server_.url("/moved"), 302)).substr(0, 6), "pass: ");
  EXPECT_EQ(run(get(server_.url("/broken"), 503)).substr(0, 6), "pass: ");
  EXPECT_EQ(run(get(server_.url("/empty"), 200)),
            "GET " + server_.url("/empty") + ": answers 204 instead of 200");
}

TEST_F(HttpCheckTest, TheBodyMayBeAskedFor) {
  EXPECT_EQ(run(get(server_.url("/fine"), 0, "fine\nhere")).substr(0, 6), "pass: ");
  EXPECT_EQ(run(get(server_.url("/fine"), 0, "bad")),
            "GET " + server_.url("/fine") + ": answers 200 without \"bad\": \"all is fine\"");
}

TEST_F(HttpCheckTest, SendsMethodHeadersAndBody) {
  const std::string agent = std::string(" muster/") + MUSTER_VERSION + " ";
  EXPECT_EQ(run({"POST",
                 server_.url("/echo"),
                 {"X-Lab: b 7"},
                 "{{\"a\": 1}",
                 0,
                 "POST b 7" + agent + "[{{\"a\": 1}]"})
                .substr(0, 6),
            "pass: ");
  EXPECT_EQ(run({"PUT", server_.url("/echo"), {}, "", 0, "PUT " + agent + "[]"}).substr(0, 6),
            "pass: ");
  EXPECT_EQ(run({"DELETE", server_.url("/echo"), {}, "", 0, "DELETE "}).substr(0, 6), "pass: ");
  EXPECT_EQ(run({"HEAD", server_.url("/fine"), {}, "", 0, ""}).substr(0, 6), "pass: ");
}

// Whoever may list processes must not find the passwords of a lab.
TEST_F(HttpCheckTest, NothingOfTheRequestIsOnACommandLine) {
  std::string asked;
  std::promise<void> came;
  std::promise<void> looked;
  const RawServer server([&](int visitor) {
    asked = receive_until(visitor, "hidden-body");
    came.set_value();
    looked.get_future().wait();
    send_to(visitor, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  const HttpCheck check{"POST",
                        "http://u:hidden-password@127.0.0.1:" + server.port() + "/hidden-path",
                        {"X-Token: hidden-token"},
                        "hidden-body",
                        0,
                        ""};
  const Result<ProcessSpec> spec = process_for_check(check, worker_context());
  ASSERT_TRUE(spec.ok()) << spec.error();
  const Result<std::unique_ptr<Process>> child = Process::start(*spec);
  ASSERT_TRUE(child.ok()) << child.error();
  came.get_future().wait();
  const std::string proc = "/proc/" + std::to_string((*child)->pid());
  const Result<std::string> command = read_file(proc + "/cmdline", 1 << 20);
  const Result<std::string> environment = read_file(proc + "/environ", 1 << 20);
  looked.set_value();
  EXPECT_EQ(*command, worker_path() + std::string("\0--run-check\0http\0", 18));
  EXPECT_EQ(environment->find("hidden"), std::string::npos);
  EXPECT_NE(asked.find("X-Token: hidden-token"), std::string::npos) << asked;
  pollfd end{(*child)->exit_fd(), POLLIN, 0};
  ::poll(&end, 1, -1);
  EXPECT_EQ((*child)->try_reap().value().exit_code, 0);
}

TEST_F(HttpCheckTest, AnActionSucceedsWhereTheCheckWouldPass) {
  const CheckContext context = worker_context();
  const Ended done = run_action(
      HttpCheck{"POST", server_.url("/echo"), {"X-Lab: 7"}, "reset", 200, "[reset]"}, context);
  EXPECT_TRUE(done.passed()) << done.output;
  const Ended refused = run_action(get(server_.url("/broken")), context);
  EXPECT_EQ(refused.exit.exit_code, 1);
  EXPECT_EQ(refused.line(),
            "GET " + server_.url("/broken") + ": answers 503 instead of 2xx: \"<b>disk full</b>\"");
}

TEST_F(HttpCheckTest, ABodyWithoutEndIsReadSoFarAndNoFurther) {
  EXPECT_EQ(run(get(server_.url("/endless"))).substr(0, 6), "pass: ");
  const std::string failed = run(get(server_.url("/endless"), 0, "y"));
  EXPECT_NE(failed.find(": answers 200 without \"y\" in the first MiB: \"xxx"), std::string::npos)
      << failed;
  EXPECT_LT(failed.size(), 300u);
}

TEST_F(HttpCheckTest, NobodyThere) {
  const BoundSocket nobody;
  const std::string failed = run(get("http://127.0.0.1:" + nobody.port() + "/"));
  EXPECT_NE(failed.find("Failed to connect to 127.0.0.1"), std::string::npos) << failed;
  EXPECT_NE(run(get("http://no such host/")), "");
  EXPECT_NE(run(get("file:///etc/passwd")).find("not supported"), std::string::npos);
}

TEST_F(HttpCheckTest, AHeaderIsOneLine) {
  const std::string url = server_.url("/fine");
  EXPECT_EQ(run({"GET", url, {"A: b\r\nX-Lab: stolen"}, "", 0, ""}),
            "GET " + url + ": a header has a line break");
  EXPECT_NE(run({"GET / HTTP/1.1\r\nX: y", url, {}, "", 0, ""}).find("the method is not one word"),
            std::string::npos);
}

TEST_F(HttpCheckTest, SecretsOfTheUrlAreNotShown) {
  const BoundSocket nobody;
  const std::string line = run(get("http://me:secret@127.0.0.1:" + nobody.port() + "/a@b"));
  EXPECT_EQ(line.find("secret"), std::string::npos) << line;
  EXPECT_EQ(line.find("GET http://127.0.0.1:" + nobody.port() + "/a@b: "), 0u) << line;
}

TEST_F(HttpCheckTest, WhatIsNotHttpFails) {
  const RawServer garbage([](int visitor) {
    receive_until(visitor, "\r\n\r\n");
    send_to(visitor, std::string("\xff\x00garbage\x01\n\n", 12));
  });
  EXPECT_NE(run(get(garbage.url())).find("pass: "), 0u);
  const RawServer silent([](int visitor) { receive_until(visitor, "\r\n\r\n"); });
  EXPECT_NE(run(get(silent.url())).find("Empty reply from server"), std::string::npos);
  const RawServer broken([](int visitor) {
    receive_until(visitor, "\r\n\r\n");
    send_to(visitor, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  });
  EXPECT_NE(run(get(broken.url())).find("pass: "), 0u);
}

TEST_F(HttpCheckTest, AHeadWithoutEndIsGivenUp) {
  const RawServer server([](int visitor) {
    receive_until(visitor, "\r\n\r\n");
    bool there = send_to(visitor, "HTTP/1.1 200 OK\r\n");
    const std::string header = "X: " + std::string(1000, 'x') + "\r\n";
    while (there) there = send_to(visitor, header);
  });
  EXPECT_EQ(run(get(server.url())),
            "GET " + server.url() + ": the head of the answer does not end");
}

TEST_F(HttpCheckTest, AServerThatNeverAnswersIsGivenUp) {
  const BoundSocket socket;
  socket.listen();
  const std::string url = "http://127.0.0.1:" + socket.port() + "/";
  const Ended ended = run_check(get(url), worker_context(), "waiting");
  EXPECT_EQ(ended.line(), "timed out after 1s: GET " + url + ": waiting for the answer");
}

}  // namespace
}  // namespace muster
