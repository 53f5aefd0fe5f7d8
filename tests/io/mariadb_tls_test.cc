// TLS on the way to a MariaDB server, with certificates that openssl makes here.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "io/mariadb_store.h"
#include "tests/support/house.h"
#include "tests/support/mariadb_server.h"

namespace muster {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// An authority and what it has signed, as NAME.pem and NAME.key.
class Authority {
 public:
  Authority() {
    run("openssl req -x509 " + kKey + " -days 2 -subj /CN=lab -keyout ca.key -out ca.pem");
  }

  // `address` is the server's; `days` of validity, from now on or (-1) until yesterday.
  void sign(const std::string& name, const std::string& address, int days) {
    run("openssl req " + kKey + " -subj /CN=" + address + " -keyout " + name + ".key -out " + name +
        ".csr");
    run("printf 'subjectAltName=IP:" + address + "\\n' >san && openssl x509 -req -days " +
        std::to_string(days) + " -in " + name + ".csr -CA ca.pem -CAkey ca.key -CAcreateserial " +
        "-extfile san -out " + name + ".pem && chmod a+r " + name + ".key");
  }

  std::string file(const std::string& name) const { return dir_.path() + "/" + name; }
  // A server's flags.
  std::vector<std::string> flags(const std::string& name) const {
    return {"--ssl-cert=" + file(name + ".pem"), "--ssl-key=" + file(name + ".key"),
            "--ssl-ca=" + file("ca.pem")};
  }

 private:
  const std::string kKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

  void run(const std::string& command) {
    const std::string script =
        "{ cd " + dir_.path() + " && " + command + "; } >>" + file("log") + " 2>&1";
    EXPECT_EQ(::system(script.c_str()), 0) << command << "\n" << read_text(file("log"));
  }

  ScratchDir dir_;
};

MariadbOptions with_tls(const MariadbServer& server, const std::string& ca_file) {
  MariadbOptions options = server.tcp_options();
  options.tls.on = true;
  options.tls.ca_file = ca_file;
  return options;
}

// The cipher of a new connection, "" without one; or why there is none.
std::string connect(const MariadbOptions& options) {
  auto opened = open_mariadb_store(options);
  if (const DbStatus* failed = std::get_if<DbStatus>(&opened)) return "failed: " + failed->reason;
  SqlStore& store = *std::get<std::unique_ptr<SqlStore>>(opened);
  const auto cipher = store.prepare(
      "SELECT variable_value FROM information_schema.session_status "
      "WHERE variable_name = 'Ssl_cipher'");
  (*cipher)->start({});
  EXPECT_TRUE((*cipher)->next());
  return std::string((*cipher)->text(0));
}

TEST(MariadbTls, TakesOnlyWhoProvesToBeTheServer) {
  Authority lab;
  lab.sign("server", "127.0.0.1", 2);
  const MariadbServer server(lab.flags("server"));
  EXPECT_THAT(connect(with_tls(server, lab.file("ca.pem"))), HasSubstr("_"));
  EXPECT_EQ(connect(server.tcp_options()), "");
  const Authority other;
  EXPECT_THAT(connect(with_tls(server, other.file("ca.pem"))), HasSubstr("ertificate"));
  EXPECT_THAT(connect(with_tls(server, "")), HasSubstr("ertificate"));
  EXPECT_THAT(connect(with_tls(server, lab.file("none.pem"))), HasSubstr("failed: "));
}

TEST(MariadbTls, RefusesACertificateOfAnotherServer) {
  Authority lab;
  lab.sign("neighbour", "127.0.0.2", 2);
  const MariadbServer server(lab.flags("neighbour"));
  EXPECT_THAT(connect(with_tls(server, lab.file("ca.pem"))), HasSubstr("failed: "));
}

TEST(MariadbTls, RefusesACertificateThatHasExpired) {
  Authority lab;
  lab.sign("old", "127.0.0.1", -1);
  const MariadbServer server(lab.flags("old"));
  EXPECT_THAT(connect(with_tls(server, lab.file("ca.pem"))), HasSubstr("expired"));
}

// A server without TLS is no server for who asks for it.
TEST(MariadbTls, DoesNotGoOnWithout) {
  const Authority lab;
  const MariadbServer server({"--skip-ssl"});
  EXPECT_EQ(connect(server.tcp_options()), "");
  EXPECT_THAT(connect(with_tls(server, lab.file("ca.pem"))), HasSubstr("failed: "));
}

TEST(MariadbTls, ShowsItsOwnCertificateWhereTheServerWantsOne) {
  Authority lab;
  lab.sign("server", "127.0.0.1", 2);
  lab.sign("collector", "127.0.0.1", 2);
  const MariadbServer server(lab.flags("server"));
  server.execute("CREATE USER strict IDENTIFIED BY 'word' REQUIRE X509");
  server.execute("GRANT ALL ON muster.* TO strict");
  MariadbOptions options = with_tls(server, lab.file("ca.pem"));
  options.user = "strict";
  options.password = "word";
  EXPECT_THAT(connect(options), HasSubstr("Access denied"));
  options.tls.cert_file = lab.file("collector.pem");
  options.tls.key_file = lab.file("collector.key");
  EXPECT_THAT(connect(options), Not(HasSubstr("failed: ")));
}

// The certificate is looked at again when a connection is made anew.
TEST(MariadbTls, StaysOnWhenTheConnectionIsMadeAnew) {
  Authority lab;
  lab.sign("server", "127.0.0.1", 2);
  const MariadbServer server(lab.flags("server"));
  auto opened = open_mariadb_store(with_tls(server, lab.file("ca.pem")));
  ASSERT_TRUE(std::holds_alternative<std::unique_ptr<SqlStore>>(opened));
  SqlStore& store = *std::get<std::unique_ptr<SqlStore>>(opened);
  server.end_connections();
  ASSERT_TRUE(store.execute("CREATE TABLE t (seq BIGINT PRIMARY KEY)").ok());
  const auto cipher = store.prepare("SHOW SESSION STATUS LIKE 'Ssl_cipher'");
  (*cipher)->start({});
  ASSERT_TRUE((*cipher)->next());
  EXPECT_THAT((*cipher)->text(1), ::testing::Not(::testing::IsEmpty()));
}

}  // namespace
}  // namespace muster
