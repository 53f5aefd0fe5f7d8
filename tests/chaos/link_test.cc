// The links between the processes, each weather with an echo at the other end.
#include "tests/chaos/link.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "io/clock.h"
#include "tests/support/child.h"

namespace muster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class LinkTest : public testing::Test {
 protected:
  LinkTest() : broker_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_un address = address_of("broker");
    EXPECT_EQ(::bind(broker_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    EXPECT_EQ(::listen(broker_.get(), 4), 0);
  }

  sockaddr_un address_of(const std::string& name) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, (dir_.path() + "/" + name).c_str(), sizeof address.sun_path - 1);
    return address;
  }
  UniqueFd dial() {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un address = address_of("link");
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  UniqueFd answer() { return UniqueFd(::accept4(broker_.get(), nullptr, nullptr, SOCK_CLOEXEC)); }

  static void say(const UniqueFd& fd) { EXPECT_EQ(::send(fd.get(), "x", 1, MSG_NOSIGNAL), 1); }
  // What is heard: 1 for a word, 0 for the end, -1 for nothing in time.
  static ssize_t hear(const UniqueFd& fd, milliseconds timeout) {
    pollfd item{fd.get(), POLLIN, 0};
    if (::poll(&item, 1, static_cast<int>(timeout.count())) <= 0) return -1;
    char byte = 0;
    return ::recv(fd.get(), &byte, 1, 0);
  }

  ScratchDir dir_;
  UniqueFd broker_;
  Link link_{dir_.path() + "/link", dir_.path() + "/broker", 1};
  SystemClock clock_;
};

TEST_F(LinkTest, CarriesBothWaysUntilOneEnds) {
  UniqueFd client = dial();
  const UniqueFd server = answer();
  say(client);
  EXPECT_EQ(hear(server, seconds(10)), 1);
  say(server);
  EXPECT_EQ(hear(client, seconds(10)), 1);
  client.reset();
  EXPECT_EQ(hear(server, seconds(10)), 0);
}

TEST_F(LinkTest, WhatIsCutComesWhenItIsWholeAgain) {
  const UniqueFd client = dial();
  const UniqueFd server = answer();
  link_.set(Weather::cut);
  EXPECT_EQ(hear(server, milliseconds(50)), -1);
  say(client);
  EXPECT_EQ(hear(server, milliseconds(200)), -1);
  link_.set(Weather::fair);
  EXPECT_EQ(hear(server, seconds(10)), 1);
}

TEST_F(LinkTest, SlowIsHalfASecond) {
  const UniqueFd client = dial();
  const UniqueFd server = answer();
  link_.set(Weather::slow);
  const Instant begin = clock_.now();
  say(client);
  EXPECT_EQ(hear(server, seconds(10)), 1);
  EXPECT_GE(clock_.now() - begin, milliseconds(500));
}

TEST_F(LinkTest, LossyConnectionsEnd) {
  link_.set(Weather::lossy);
  const UniqueFd client = dial();
  const UniqueFd server = answer();
  ssize_t heard = 1;
  while (heard == 1) {
    ::send(client.get(), "x", 1, MSG_NOSIGNAL);
    heard = hear(server, seconds(10));
  }
  EXPECT_EQ(heard, 0);
}

TEST_F(LinkTest, OfHalfAConnectionOneEndIsNotTold) {
  const UniqueFd client = dial();
  const UniqueFd server = answer();
  link_.lose(Link::End::broker);
  EXPECT_EQ(hear(server, seconds(10)), 0);
  say(client);
  EXPECT_EQ(hear(client, milliseconds(200)), -1);
  const UniqueFd another = dial();
  const UniqueFd welcome = answer();
  say(another);
  EXPECT_EQ(hear(welcome, seconds(10)), 1);
  link_.mend();
  EXPECT_EQ(hear(client, seconds(10)), 0);
}

}  // namespace
}  // namespace muster
