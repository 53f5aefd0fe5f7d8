#include "tests/bench/peers/server.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "io/file.h"
#include "tests/bench/bench.h"
#include "tests/support/free_port.h"
#include "tests/support/house.h"

namespace muster::bench {
namespace {

constexpr Duration kStartPatience = std::chrono::seconds(90);  // RabbitMQ on a busy machine
constexpr Duration kStopPatience = std::chrono::seconds(10);
constexpr size_t kWordsMax = 2'000;
constexpr const char* kEpmd = "/usr/bin/epmd";

bool answers(uint16_t port) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// Every write to a file that is made in `dir` is on disk before it returns.
Result<Done> sync_every_write(const std::string& dir) {
  const UniqueFd fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  int flags = 0;
  if (::ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) == 0) {
    flags |= FS_SYNC_FL;
    if (::ioctl(fd.get(), FS_IOC_SETFLAGS, &flags) == 0) return Done{};
  }
  return Error{dir + " cannot be given the attribute S (chattr +S): " + std::strerror(errno)};
}

}  // namespace

PeerServer::PeerServer(const std::string& parent) : scratch_(parent), port_(find_free_port()) {}

PeerServer::~PeerServer() {
  if (server_ != nullptr) server_->stop(kStopPatience);
}

uint64_t PeerServer::bytes() const {
  // What was started for RabbitMQ is a script that waits for the node.
  const std::string node = epmd_ == nullptr ? "" : read_text(scratch_.path() + "/pid");
  return resident_bytes(node.empty() ? server_->pid() : std::atoi(node.c_str()));
}

std::string PeerServer::words() const {
  const std::string words = read_text(scratch_.path() + "/out");
  return words.substr(words.size() - std::min(words.size(), kWordsMax));
}

Result<std::unique_ptr<PeerServer>> PeerServer::start(const Peer& peer, const std::string& parent) {
  std::unique_ptr<PeerServer> server(new PeerServer(parent));
  Result<ChildSpec> spec = server->make_spec(peer);
  if (!spec.ok()) return Error{spec.error()};
  if (::access(spec->argv[0].c_str(), X_OK) != 0) {
    return Error{spec->argv[0] + " is not there; ./dev bench --peers installs it"};
  }
  spec->stdout_file = spec->stderr_file = server->scratch_.path() + "/out";
  server->server_ = std::make_unique<Child>(*spec);
  const auto listens = [&] {
    return answers(server->port_) || server->server_->wait(Duration(0)).has_value();
  };
  if (!eventually(listens, kStartPatience) || server->server_->wait(Duration(0)).has_value()) {
    return Error{spec->argv[0] + " did not start:\n" + server->words()};
  }
  return server;
}

Result<ChildSpec> PeerServer::make_spec(const Peer& peer) {
  const std::string port = std::to_string(port_);
  const std::string data = scratch_.path() + "/data";
  std::filesystem::create_directory(data);
  ChildSpec spec;
  switch (peer.kind) {
    case PeerKind::redis:
      spec.argv = {"/usr/bin/redis-server",
                   "--bind",
                   "127.0.0.1",
                   "--port",
                   port,
                   "--dir",
                   data,
                   "--save",
                   "",
                   "--appendonly",
                   "yes",
                   "--appendfsync",
                   "always"};
      break;
    case PeerKind::rabbitmq:
      spec = make_rabbitmq_spec();
      break;
    case PeerKind::nats: {
      spec.argv = {"/usr/sbin/nats-server", "-a", "127.0.0.1", "-p", port, "-js", "-sd", data};
      if (!peer.synced) break;
      const Result<Done> synced = sync_every_write(data);
      if (!synced.ok()) return Error{synced.error()};
      break;
    }
    case PeerKind::beanstalkd:
      spec.argv = {"/usr/bin/beanstalkd", "-l", "127.0.0.1", "-p", port, "-b", data, "-f0"};
      break;
  }
  return spec;
}

// A node without an installation's configuration, plugins and cookie. Its port mapper is started
// here, for it would outlive the node that starts it.
ChildSpec PeerServer::make_rabbitmq_spec() {
  const std::string dir = scratch_.path();
  const std::string epmd_port = std::to_string(find_free_port());
  ChildSpec epmd;
  epmd.argv = {kEpmd, "-address", "127.0.0.1", "-port", epmd_port};
  epmd.stdout_file = epmd.stderr_file = dir + "/epmd.out";
  epmd_ = std::make_unique<Child>(epmd);

  std::ofstream(dir + "/plugins") << "[].\n";
  std::ofstream(dir + "/rabbitmq.conf") << "listeners.tcp.default = 127.0.0.1:" << port_ << '\n'
                                        << "log.file.level = warning\n";
  ChildSpec spec;
  spec.argv = {"/usr/lib/rabbitmq/bin/rabbitmq-server"};
  spec.env = {
      {"HOME", dir},
      {"RABBITMQ_NODENAME", "bench@localhost"},
      {"RABBITMQ_MNESIA_BASE", dir + "/data"},
      {"RABBITMQ_LOG_BASE", dir + "/log"},
      {"RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1"},
      {"RABBITMQ_NODE_PORT", std::to_string(port_)},
      {"RABBITMQ_DIST_PORT", std::to_string(find_free_port())},
      {"RABBITMQ_ENABLED_PLUGINS_FILE", dir + "/plugins"},
      {"RABBITMQ_CONFIG_FILE", dir + "/rabbitmq"},
      {"RABBITMQ_CONF_ENV_FILE", "/dev/null"},
      {"RABBITMQ_PID_FILE", dir + "/pid"},
      {"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}"},
      {"ERL_EPMD_ADDRESS", "127.0.0.1"},
      {"ERL_EPMD_PORT", epmd_port}};
  return spec;
}

}  // namespace muster::bench
