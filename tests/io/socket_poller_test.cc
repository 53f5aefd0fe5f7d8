#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include "io/file.h"
#include "io/socket.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

constexpr Duration kPatience = std::chrono::seconds(60);  // a hang, not a slow machine

TEST(Poller, NamesWhatIsReady) {
  const Scratch scratch;
  SocketContext context;
  const std::string endpoint = "ipc://" + (scratch / "s");
  const auto server = ServerSocket::bind(context, {endpoint});
  ASSERT_TRUE(server.ok()) << server.error();
  const auto client = ClientSocket::connect(context, endpoint);
  ASSERT_TRUE(client.ok()) << client.error();
  int fds[2];
  ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
  const UniqueFd read_end(fds[0]);
  UniqueFd write_end(fds[1]);

  Poller poller;
  EXPECT_THAT(poller.wait(Duration(0)), ElementsAre());
  poller.add_socket((*server)->handle(), 10);
  poller.add_fd(read_end.get(), POLLIN, 20);
  EXPECT_THAT(poller.wait(Duration(1)), ElementsAre());
  ASSERT_EQ(::write(write_end.get(), "x", 1), 1);
  EXPECT_THAT(poller.wait(kPatience), ElementsAre(20));
  poller.add_fd(write_end.get(), POLLOUT, 30);
  EXPECT_THAT(poller.wait(Duration(-1)), UnorderedElementsAre(20, 30));
  ASSERT_TRUE((*client)->send("x"));
  while (poller.wait(kPatience).size() < 3) {
  }
  EXPECT_THAT(poller.wait(kPatience), UnorderedElementsAre(10, 20, 30));

  poller.clear();
  char byte;
  ASSERT_EQ(::read(read_end.get(), &byte, 1), 1);
  poller.add_fd(read_end.get(), POLLIN, 40);
  EXPECT_THAT(poller.wait(Duration(1)), ElementsAre());
  write_end.reset();
  EXPECT_THAT(poller.wait(kPatience), ElementsAre(40)) << "a hang-up is something to see";
}

TEST(Poller, CopesWithHundredsOfDescriptors) {
  constexpr uint64_t kCount = 400;
  std::vector<UniqueFd> ends;
  Poller poller;
  for (uint64_t i = 0; i < kCount; ++i) {
    int fds[2];
    ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0) << i;
    ends.emplace_back(fds[0]);
    ends.emplace_back(fds[1]);
    poller.add_fd(fds[0], POLLIN, i);
  }
  EXPECT_THAT(poller.wait(Duration(0)), ElementsAre());
  for (const uint64_t i : {0, 17, 399}) ASSERT_EQ(::write(ends[2 * i + 1].get(), "x", 1), 1);
  EXPECT_THAT(poller.wait(kPatience), ElementsAre(0, 17, 399));
}

TEST(Poller, ASignalEndsTheWait) {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = [](int) {};
  ::sigaction(SIGALRM, &action, &before);
  itimerval timer{{0, 10'000}, {0, 10'000}};  // again and again: the first may come too early
  ::setitimer(ITIMER_REAL, &timer, nullptr);
  Poller poller;
  int fds[2];
  ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
  poller.add_fd(fds[0], POLLIN, 1);
  EXPECT_THAT(poller.wait(Duration(-1)), ElementsAre());
  timer = {};
  ::setitimer(ITIMER_REAL, &timer, nullptr);
  ::sigaction(SIGALRM, &before, nullptr);
  ::close(fds[0]);
  ::close(fds[1]);
}

}  // namespace
}  // namespace muster
