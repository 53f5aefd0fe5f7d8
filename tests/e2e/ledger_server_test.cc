// The ledger on a MariaDB server, with real processes: every question that is asked of a file is
// answered from there, and the password is seen nowhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/house.h"
#include "tests/support/mariadb_server.h"

namespace muster {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class LedgerServerTest : public testing::Test {
 protected:
  LedgerServerTest() : house_(MUSTER_BIN_DIR) {
    house_.write("home/secret", std::string(MariadbServer::kPassword) + "\n");
    house_.write("home/muster.yaml", "ledger: { server: " + server_.options().socket +
                                         ", user: muster, password_file: secret }\n");
    up_ = house_.start_up();
    expect(0, {"doctor", "--wait", "30s"});
  }

  Ran expect(int status, const std::vector<std::string>& arguments) {
    Ran ran = house_.muster(arguments);
    EXPECT_EQ(ran.status, status) << testing::PrintToString(arguments) << "\n"
                                  << ran.out << ran.err << house_.daemon_output();
    return ran;
  }

  void measure(const std::string& guid, const std::string& cells) {
    expect(0, {"run", "--wait", "--guid", guid, "--", "sh", "-c",
               "PATH=" MUSTER_BIN_DIR ":$PATH; muster measure boot " + cells +
                   " && muster report --suite s --name " + guid + " pass"});
  }

  MariadbServer server_;
  House house_;
  std::unique_ptr<Child> up_;
};

TEST_F(LedgerServerTest, IsAskedAsAFileIs) {
  measure("job-that-was-quick", "seconds=1 cold=true");
  measure("job-that-was-slow", "seconds=2.5 cold=false who=\"a,b\"");
  EXPECT_FALSE(std::filesystem::exists(house_.home().ledger_file()));
  EXPECT_THAT(expect(0, {"result", "job-that-was-slow"}).out, HasSubstr("job-that-was-slow"));
  EXPECT_THAT(
      expect(0, {"measure", "query", "boot", "--where", "seconds>2", "-o", "csv"}).out,
      AllOf(HasSubstr(",\"job-that-was-slow\",1,false,2.5,\"a,b\"\r\n"), Not(HasSubstr("quick"))));
  EXPECT_THAT(expect(0, {"measure", "query", "boot", "-o", "json"}).out,
              AllOf(HasSubstr("\"muster.measurement_list/1\""), HasSubstr("\"seconds\":1.0")));
  EXPECT_THAT(expect(64, {"measure", "query", "boat"}).err, HasSubstr("did you mean boot"));
  EXPECT_THAT(expect(0, {"task", "trace", "job-that-was-quick"}).out, HasSubstr("measurement"));
}

TEST_F(LedgerServerTest, WaitsForAServerThatWasKilled) {
  measure("job-before-the-fall", "seconds=1");
  expect(0, {"measure", "query", "boot"});
  server_.kill_now();
  measure("job-while-it-was-gone", "seconds=2");
  EXPECT_THAT(expect(69, {"measure", "query", "boot"}).err, HasSubstr("mariadb://muster@"));
  server_.start_again();
  const bool caught_up = eventually([&] {
    return house_.muster({"measure", "query", "boot"}).out.find("job-while-it-was-gone") !=
           std::string::npos;
  });
  EXPECT_TRUE(caught_up) << house_.daemon_output();
}

TEST_F(LedgerServerTest, ThePasswordIsSeenNowhere) {
  measure("job-that-is-looked-for", "seconds=1");
  server_.kill_now();
  EXPECT_EQ(expect(69, {"measure", "query", "boot"}).err.find("secret\" \\"), std::string::npos);
  EXPECT_EQ(house_.daemon_output().find("secret\" \\"), std::string::npos);
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(house_.home().logs_dir())) {
    EXPECT_EQ(read_text(entry.path()).find("secret\" \\"), std::string::npos) << entry.path();
  }
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string arguments = read_text(entry.path() / "cmdline");
    EXPECT_EQ(arguments.find("secret\" \\"), std::string::npos) << arguments;
  }
}

}  // namespace
}  // namespace muster
