#include "io/socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iostream>
#include <set>

#include "core/limits.h"
#include "io/file.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

constexpr Duration kPatience = std::chrono::seconds(60);  // a hang, not a slow machine

std::unique_ptr<ServerSocket> bind_or_die(SocketContext& context, const std::string& endpoint) {
  Result<std::unique_ptr<ServerSocket>> server = ServerSocket::bind(context, {endpoint});
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().c_str());
    std::abort();
  }
  return std::move(*server);
}

std::unique_ptr<ClientSocket> connect_or_die(SocketContext& context, const std::string& endpoint) {
  Result<std::unique_ptr<ClientSocket>> client = ClientSocket::connect(context, endpoint);
  if (!client) {
    std::fprintf(stderr, "%s\n", client.error().c_str());
    std::abort();
  }
  return std::move(*client);
}

template <typename Socket>
auto await(Socket& socket) {
  Poller poller;
  poller.add_socket(socket.handle(), 1);
  for (;;) {
    auto received = socket.receive();
    if (received || poller.wait(kPatience).empty()) return received;
  }
}

bool is_aligned(const Frame& frame) {
  return reinterpret_cast<uintptr_t>(frame.bytes().data()) % 8 == 0;
}

class SocketTest : public ::testing::Test {
 protected:
  const Scratch scratch_;
  SocketContext context_;
  const std::string ipc_ = "ipc://" + (scratch_ / "s");
};

TEST_F(SocketTest, InvalidEndpointsAreRefusedByBothSides) {
  for (const char* endpoint : {"tcp://no host:1", "nonsense", "ipc://x"}) {
    EXPECT_FALSE(ServerSocket::bind(context_, {endpoint}).ok()) << endpoint;
    EXPECT_FALSE(ClientSocket::connect(context_, endpoint).ok()) << endpoint;
  }
  for (const char* endpoint : {"tcp://127.0.0.1:0", "tcp://127.0.0.1:*"}) {
    EXPECT_FALSE(ClientSocket::connect(context_, endpoint).ok()) << endpoint;
  }
}

struct TransportCase {
  const char* name;
  const char* endpoint;  // empty: a Unix socket
};
class Transport : public SocketTest, public ::testing::WithParamInterface<TransportCase> {
 protected:
  std::string endpoint() const { return *GetParam().endpoint == 0 ? ipc_ : GetParam().endpoint; }
};
std::string transport_name(const ::testing::TestParamInfo<TransportCase>& row) {
  return row.param.name;
}
INSTANTIATE_TEST_SUITE_P(Every, Transport,
                         ::testing::Values(TransportCase{"ipc", ""},
                                           TransportCase{"tcp4", "tcp://127.0.0.1:*"},
                                           TransportCase{"tcp6", "tcp://[::1]:0"}),
                         transport_name);

TEST_P(Transport, CarriesEverySizeAlignedBothWays) {
  Result<std::unique_ptr<ServerSocket>> bound = ServerSocket::bind(context_, {endpoint()});
  if (!bound.ok() && bound.error().find("Cannot assign requested address") != std::string::npos) {
    std::cerr << "not tested: this machine has no " << endpoint() << "\n";
    return;
  }
  ASSERT_TRUE(bound.ok()) << bound.error();
  ServerSocket& server = **bound;
  ASSERT_EQ(server.endpoints().size(), 1u);
  EXPECT_THAT(server.endpoints()[0], ::testing::Not(::testing::EndsWith(":0")));
  const auto client = connect_or_die(context_, server.endpoints()[0]);
  for (const size_t size :
       {0, 1, 7, 20, 33, 34, 100, 999, 1'024, 1'025, 4'097, 8'191, 8'192, 100'001, 5'000'000}) {
    std::string bytes(size, '\0');
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31);
    ASSERT_TRUE(client->send(bytes));
    const auto received = await(server);
    ASSERT_TRUE(received.has_value()) << size;
    EXPECT_EQ(received->frame.bytes(), bytes);
    EXPECT_TRUE(is_aligned(received->frame)) << size;
    ASSERT_TRUE(server.send(received->peer, bytes));
    const auto back = await(*client);
    ASSERT_TRUE(back.has_value()) << size;
    EXPECT_EQ(back->bytes(), bytes);
    EXPECT_TRUE(is_aligned(*back)) << size;
  }
}

TEST_F(SocketTest, BuffersAreAlignedInBatchesToo) {
  const auto server = bind_or_die(context_, "tcp://127.0.0.1:*");
  const auto client = connect_or_die(context_, server->endpoints()[0]);
  constexpr size_t kCount = 2'000;
  for (size_t i = 0; i < kCount; ++i) ASSERT_TRUE(client->send(std::string(20 + i, 'x')));
  for (size_t i = 0; i < kCount; ++i) {
    const auto received = await(*server);
    ASSERT_TRUE(received.has_value());
    ASSERT_EQ(received->frame.bytes().size(), 20 + i) << "in order";
    ASSERT_TRUE(is_aligned(received->frame));
  }
}

TEST_F(SocketTest, PeersAreToldApart) {
  const auto server = bind_or_die(context_, ipc_);
  const auto a = connect_or_die(context_, ipc_);
  const auto b = connect_or_die(context_, ipc_);
  ASSERT_TRUE(a->send("a"));
  ASSERT_TRUE(b->send("b"));
  std::set<std::string> peers;
  for (int i = 0; i < 2; ++i) {
    auto received = await(*server);
    ASSERT_TRUE(received.has_value());
    peers.insert(received->peer);
    ASSERT_TRUE(server->send(received->peer, "to " + std::string(received->frame.bytes())));
  }
  EXPECT_EQ(peers.size(), 2u);
  EXPECT_EQ(await(*a)->bytes(), "to a");
  EXPECT_EQ(await(*b)->bytes(), "to b");
}

TEST_F(SocketTest, OneServerManyEndpoints) {
  Result<std::unique_ptr<ServerSocket>> server =
      ServerSocket::bind(context_, {ipc_, "tcp://127.0.0.1:*", "ipc://" + (scratch_ / "t")});
  ASSERT_TRUE(server.ok()) << server.error();
  const std::vector<std::string> endpoints = (*server)->endpoints();
  ASSERT_EQ(endpoints.size(), 3u);
  for (const std::string& endpoint : endpoints) {
    const auto client = connect_or_die(context_, endpoint);
    ASSERT_TRUE(client->send(endpoint));
    const auto received = await(**server);
    ASSERT_TRUE(received.has_value()) << endpoint;
    EXPECT_EQ(received->frame.bytes(), endpoint);
  }
}

TEST_F(SocketTest, SendingToNobodyIsFalse) {
  const auto server = bind_or_die(context_, ipc_);
  EXPECT_FALSE(server->send("nobody", "x"));
  EXPECT_FALSE(server->send("", "x"));
  auto client = connect_or_die(context_, ipc_);
  ASSERT_TRUE(client->send("x"));
  const std::string peer = await(*server)->peer;
  EXPECT_TRUE(server->send(peer, "y"));
  client.reset();
  // Until the server's side has noticed, what it sends is lost in silence.
  Poller poller;
  poller.add_socket(server->handle(), 1);
  while (server->send(peer, "z")) poller.wait(1ms);
  EXPECT_FALSE(server->receive().has_value());
}

TEST_F(SocketTest, AFullQueueIsFalseNotABlock) {
  const auto client = connect_or_die(context_, ipc_);  // nobody listens
  int sent = 0;
  while (sent < 2 * kSocketQueueMax && client->send("x")) ++sent;
  EXPECT_EQ(sent, kSocketQueueMax);
}

TEST_F(SocketTest, WhatIsSentBeforeTheServerIsThereArrives) {
  const auto client = connect_or_die(context_, ipc_);
  ASSERT_TRUE(client->send("early"));
  const auto server = bind_or_die(context_, ipc_);
  EXPECT_EQ(await(*server)->frame.bytes(), "early");
}

TEST_F(SocketTest, ClientsFindARestartedServer) {
  auto server = bind_or_die(context_, ipc_);
  const auto client = connect_or_die(context_, ipc_);
  ASSERT_TRUE(client->send("1"));
  const std::string peer = await(*server)->peer;
  for (int i = 0; i < 10; ++i) {
    server.reset();
    server = bind_or_die(context_, ipc_);
    EXPECT_FALSE(server->send(peer, "to the old connection")) << "the new server knows nobody";
    // What is sent into the dying connection may be lost: so it is said again.
    Poller poller;
    poller.add_socket(server->handle(), 1);
    do {
      ASSERT_TRUE(client->send("again"));
    } while (poller.wait(50ms).empty());
    const auto received = server->receive();
    ASSERT_TRUE(received.has_value());
    EXPECT_EQ(received->frame.bytes(), "again");
  }
}

// What a worker that rests has a restarted broker from.
TEST_F(SocketTest, AClientIsToldOnceThatItsConnectionWasMadeAnew) {
  auto server = bind_or_die(context_, ipc_);
  auto client = connect_or_die(context_, ipc_);
  Poller poller;
  poller.add_socket(client->handshake_handle(), 1);
  ASSERT_FALSE(poller.wait(kPatience).empty());
  EXPECT_FALSE(client->take_reconnected()) << "it is the first";
  server.reset();
  server = bind_or_die(context_, ipc_);
  bool told = false;
  while (!told && !poller.wait(kPatience).empty()) told = client->take_reconnected();
  EXPECT_TRUE(told);
  EXPECT_FALSE(client->take_reconnected());
  EXPECT_EQ(client->handshake_fault(), "");
}

TEST_F(SocketTest, AnOversizedFrameCostsTheConnectionNotTheServer) {
  const auto server = bind_or_die(context_, ipc_);
  const auto good = connect_or_die(context_, ipc_);
  const auto bad = connect_or_die(context_, ipc_);
  ASSERT_TRUE(bad->send(std::string(kMessageBytesMax + 1, 'x')));
  ASSERT_TRUE(good->send(std::string(kMessageBytesMax, 'x')));
  const auto received = await(*server);
  ASSERT_TRUE(received.has_value());
  EXPECT_EQ(received->frame.bytes().size(), kMessageBytesMax);
  EXPECT_FALSE(server->receive().has_value());
}

TEST_F(SocketTest, TheSocketFileIsPrivateAndGoesAway) {
  const mode_t before = ::umask(0);
  auto server = bind_or_die(context_, ipc_);
  EXPECT_EQ(::umask(before), 0u) << "the umask was restored";
  struct stat info {};
  ASSERT_EQ(::stat((scratch_ / "s").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  server.reset();
  EXPECT_NE(::stat((scratch_ / "s").c_str(), &info), 0);
}

TEST_F(SocketTest, ASecondServerIsRefusedAndTheFirstUnharmed) {
  const auto server = bind_or_die(context_, ipc_);
  for (int i = 0; i < 2; ++i) {
    const Result<std::unique_ptr<ServerSocket>> second = ServerSocket::bind(context_, {ipc_});
    ASSERT_FALSE(second.ok());
    EXPECT_THAT(second.error(), HasSubstr("already running (pid " + std::to_string(::getpid())));
    EXPECT_THAT(second.error(), HasSubstr(ipc_));
  }
  const auto client = connect_or_die(context_, ipc_);
  ASSERT_TRUE(client->send("x"));
  EXPECT_TRUE(await(*server).has_value());

  const auto tcp = bind_or_die(context_, "tcp://127.0.0.1:*");
  const Result<std::unique_ptr<ServerSocket>> taken =
      ServerSocket::bind(context_, tcp->endpoints());
  ASSERT_FALSE(taken.ok());
  EXPECT_THAT(taken.error(), HasSubstr(tcp->endpoints()[0] + ": Address already in use"));
}

TEST_F(SocketTest, AStaleSocketIsReplaced) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, (scratch_ / "s").c_str());
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::close(fd);  // the file stays, as after a kill
  const auto server = bind_or_die(context_, ipc_);
  const auto client = connect_or_die(context_, ipc_);
  ASSERT_TRUE(client->send("x"));
  EXPECT_TRUE(await(*server).has_value());
}

TEST_F(SocketTest, WhatIsNotASocketIsNotReplaced) {
  std::ofstream(scratch_ / "s") << "precious";
  const Result<std::unique_ptr<ServerSocket>> server = ServerSocket::bind(context_, {ipc_});
  ASSERT_FALSE(server.ok());
  EXPECT_THAT(server.error(), HasSubstr("a file of that name is in the way"));
  EXPECT_EQ(*read_file(scratch_ / "s", 100), "precious");
  EXPECT_FALSE(ServerSocket::bind(context_, {"ipc://" + (scratch_ / "absent/s")}).ok());
}

// Speaks to the server as no client of ours would.
UniqueFd dial(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

// The opening of a DEALER in ZMTP 3.0 without security: greeting and READY.
std::string dealer_opening() {
  std::string bytes("\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL", 16);
  bytes.resize(64, '\0');
  bytes += std::string(
      "\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06"
      "DEALER",
      30);
  return bytes;
}

// A connection on which message frames may follow: the server has said its READY.
UniqueFd dial_as_dealer(const std::string& path) {
  UniqueFd fd = dial(path);
  if (!write_all(fd.get(), dealer_opening()).ok()) return UniqueFd();
  std::string heard;
  while (heard.size() < 66 || heard.size() < 66u + static_cast<uint8_t>(heard[65])) {
    char byte;
    if (::read(fd.get(), &byte, 1) != 1) return UniqueFd();
    heard += byte;
  }
  return fd;
}

void await_malformed(ServerSocket& server, uint64_t count) {
  Poller poller;
  poller.add_socket(server.handle(), 1);
  while (server.malformed() < count && !poller.wait(kPatience).empty()) {
    EXPECT_FALSE(server.receive().has_value());
  }
  EXPECT_EQ(server.malformed(), count);
}

TEST_F(SocketTest, MultipartMessagesAreCountedAndDropped) {
  const auto server = bind_or_die(context_, ipc_);
  const UniqueFd fd = dial_as_dealer(scratch_ / "s");
  ASSERT_TRUE(fd.valid());
  const std::string two_parts(
      "\x01\x01"
      "a"
      "\x00\x01"
      "b",
      6);
  const std::string three_parts(
      "\x01\x01"
      "a"
      "\x01\x00"
      "\x00\x01"
      "b",
      8);
  ASSERT_TRUE(write_all(fd.get(), two_parts + three_parts).ok());
  await_malformed(*server, 2);

  const std::string one_part(
      "\x00\x01"
      "c",
      3);
  ASSERT_TRUE(write_all(fd.get(), one_part).ok());
  EXPECT_EQ(await(*server)->frame.bytes(), "c") << "the next message is whole again";
}

TEST_F(SocketTest, NoiseIsIgnored) {
  const auto server = bind_or_die(context_, ipc_);
  std::vector<UniqueFd> noisy;
  for (const std::string& noise :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(1'000, '\0'), std::string(1'000, '\xff'),
        dealer_opening().substr(0, 70), dealer_opening() + std::string(100, '\xff')}) {
    noisy.push_back(dial(scratch_ / "s"));
    ASSERT_TRUE(noisy.back().valid());
    static_cast<void>(write_all(noisy.back().get(), noise));
  }
  const auto client = connect_or_die(context_, ipc_);
  ASSERT_TRUE(client->send("sense"));
  EXPECT_EQ(await(*server)->frame.bytes(), "sense");
}

}  // namespace
}  // namespace muster
