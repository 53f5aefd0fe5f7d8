#include "io/local_socket.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "tests/io/scratch.h"

namespace muster {
namespace {

class LocalSocketTest : public ScratchFiles {
 protected:
  struct Pair {
    UniqueFd near;
    UniqueFd far;
  };
  Pair connect(const std::string& dir) {
    Result<UniqueFd> listener = listen_local(dir, "x.sock");
    EXPECT_TRUE(listener.ok()) << listener.error();
    std::optional<UniqueFd> near = dial_local(dir, "x.sock");
    EXPECT_TRUE(near);
    std::optional<UniqueFd> far = accept_local(listener->get());
    EXPECT_TRUE(far);
    EXPECT_FALSE(accept_local(listener->get()));
    return {std::move(*near), std::move(*far)};
  }
};

TEST_F(LocalSocketTest, CarriesWholeMessagesInOrder) {
  const Pair pair = connect(dir());
  EXPECT_EQ(send_local(pair.near.get(), "one"), Passed::done);
  EXPECT_EQ(send_local(pair.near.get(), "two"), Passed::done);
  std::string message;
  EXPECT_EQ(receive_local(pair.far.get(), message, 100), Passed::done);
  EXPECT_EQ(message, "one");
  EXPECT_EQ(receive_local(pair.far.get(), message, 100), Passed::done);
  EXPECT_EQ(message, "two");
  EXPECT_EQ(receive_local(pair.far.get(), message, 100), Passed::later);
  EXPECT_EQ(peer_of(pair.far.get()), ::getpid());
}

// A path of a Unix socket may have 107 bytes.
TEST_F(LocalSocketTest, ReachesADirectoryOfAnyDepth) {
  const std::string deep = dir() + "/" + std::string(120, 'a') + "/" + std::string(120, 'b');
  ASSERT_TRUE(make_dirs(deep).ok());
  const Pair pair = connect(deep);
  EXPECT_EQ(send_local(pair.far.get(), "deep"), Passed::done);
}

TEST_F(LocalSocketTest, PassesADescriptorOn) {
  const Pair pair = connect(dir());
  const std::string file = write("file", "content");
  const Result<std::string> content = read_file(file, 100);
  int fds[2];
  ASSERT_EQ(::pipe(fds), 0);
  const UniqueFd read(fds[0]);
  UniqueFd write_end(fds[1]);
  EXPECT_EQ(send_local(pair.near.get(), "with", write_end.get()), Passed::done);
  write_end.reset();
  UniqueFd passed;
  std::string message;
  EXPECT_EQ(receive_local(pair.far.get(), message, 100, &passed), Passed::done);
  ASSERT_TRUE(passed.valid());
  ASSERT_EQ(::write(passed.get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(::read(read.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST_F(LocalSocketTest, SeesTheEndOfTheOtherSideAfterWhatItSaid) {
  Pair pair = connect(dir());
  EXPECT_EQ(send_local(pair.near.get(), "last"), Passed::done);
  pair.near.reset();
  std::string message;
  EXPECT_EQ(receive_local(pair.far.get(), message, 100), Passed::done);
  EXPECT_EQ(receive_local(pair.far.get(), message, 100), Passed::gone);
  EXPECT_EQ(send_local(pair.far.get(), "x"), Passed::gone);
}

TEST_F(LocalSocketTest, RefusesAMessageThatIsTooLong) {
  const Pair pair = connect(dir());
  EXPECT_EQ(send_local(pair.near.get(), std::string(100, 'x')), Passed::done);
  EXPECT_EQ(send_local(pair.near.get(), std::string(101, 'x')), Passed::done);
  std::string message;
  EXPECT_EQ(receive_local(pair.far.get(), message, 100), Passed::done);
  EXPECT_EQ(receive_local(pair.far.get(), message, 100), Passed::gone);
}

TEST_F(LocalSocketTest, SaysWhenThereIsNoRoom) {
  const Pair pair = connect(dir());
  Passed passed = Passed::done;
  for (int i = 0; i < 100'000 && passed == Passed::done; ++i) {
    passed = send_local(pair.near.get(), std::string(1000, 'x'));
  }
  EXPECT_EQ(passed, Passed::later);
}

TEST_F(LocalSocketTest, NobodyIsThere) {
  EXPECT_FALSE(dial_local(dir(), "x.sock"));
  EXPECT_FALSE(dial_local(dir() + "/none", "x.sock"));
  connect(dir());
  EXPECT_FALSE(dial_local(dir(), "x.sock")) << "its listener has gone";
  const Result<UniqueFd> listener = listen_local(dir() + "/none", "x.sock");
  ASSERT_FALSE(listener.ok());
  EXPECT_NE(listener.error().find("/none/x.sock"), std::string::npos) << listener.error();
}

}  // namespace
}  // namespace muster
