#include "tests/workers/ftp_server.h"

#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/house.h"

namespace muster {
namespace {

constexpr char kProgram[] = R"(
import sys
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

class Handler(FTPHandler):
    def pre_process_command(self, line, cmd, arg):
        sys.stderr.write("%s %s\n" % (cmd, arg if cmd != "PASS" else "***"))
        sys.stderr.flush()
        return super().pre_process_command(line, cmd, arg)

Handler.authorizer = DummyAuthorizer()
Handler.authorizer.add_user("lab", "secret", sys.argv[1], perm="elradfmwMT")
FTPServer.allow_reuse_address = True
server = FTPServer(("127.0.0.1", int(sys.argv[2])), Handler)
sys.stdout.write("%d\n" % server.address[1])
sys.stdout.flush()
server.serve_forever()
)";

}  // namespace

FtpServer::FtpServer(std::string dir, std::string out_file)
    : dir_(std::move(dir)), out_file_(std::move(out_file)) {
  start("0");
}

void FtpServer::start_again() { start(port_); }

void FtpServer::start(const std::string& port) {
  ChildSpec spec;
  spec.argv = {"/usr/bin/python3", "-c", kProgram, dir_, port};
  spec.stdout_file = out_file_ + ".port";
  spec.stderr_file = out_file_;
  child_ = std::make_unique<Child>(spec);
  const bool listens = eventually([&] { return read_text(spec.stdout_file).ends_with('\n'); });
  EXPECT_TRUE(listens) << read_text(out_file_) << "is python3-pyftpdlib installed?";
  const std::string said = read_text(spec.stdout_file);
  port_ = said.substr(0, said.find('\n'));
}

std::string FtpServer::url() const { return "ftp://lab:secret@127.0.0.1:" + port_ + "/logs"; }

std::vector<std::string> FtpServer::commands() const {
  std::vector<std::string> commands;
  std::istringstream lines(read_text(out_file_));
  for (std::string line; std::getline(lines, line);) commands.push_back(line);
  return commands;
}

}  // namespace muster
