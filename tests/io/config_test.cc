#include "io/config.h"

#include <string>
#include <vector>

#include "tests/io/scratch.h"

namespace muster {
namespace {

class ConfigTest : public ScratchFiles {
 protected:
  ConfigFile load(const std::string& text) const {
    write("muster.yaml", text);
    return load_config(Home{dir()});
  }
};

TEST_F(ConfigTest, EverythingHasADefault) {
  for (const char* text : {"", "# nothing\n", "version: 1\nkind: config\n", "{}", "worker: {}\n"}) {
    const ConfigFile file = load(text);
    EXPECT_EQ(file.problems.to_text(), "") << text;
    EXPECT_EQ(file.config.endpoint, "ipc://" + dir() + "/run/broker.sock");
    EXPECT_EQ(file.config.listen, std::vector<std::string>{file.config.endpoint});
    EXPECT_EQ(file.config.worker.name, "local");
    EXPECT_EQ(file.config.worker.slots, 8u);
    EXPECT_EQ(file.config.worker.log_max, kConsoleLogBytesMax);
    EXPECT_EQ(file.config.worker.disk_reserve, kWorkerReserveBytes);
    EXPECT_EQ(file.config.beat, kBeatDefault);
    EXPECT_EQ(file.config.lease, kLeaseDefault);
    EXPECT_EQ(file.config.log, LogConfig{});
    EXPECT_FALSE(file.config.trace_calls);
    EXPECT_EQ(file.config.archive.url, "file://" + dir() + "/archive");
    EXPECT_EQ(file.config.archive.keep, kArchiveKeepDefault);
    EXPECT_EQ(file.config.archive.bytes_max, kArchiveBytesDefault);
    EXPECT_EQ(file.config.http_host, "");
    EXPECT_EQ(file.config.http_token_file, "");
    EXPECT_FALSE(file.config.couchdb.enabled);
  }
  const ConfigFile missing = load_config(Home{path("nowhere")});
  EXPECT_TRUE(missing.problems.empty());
  EXPECT_EQ(missing.config.endpoint, "ipc://" + path("nowhere") + "/run/broker.sock");
}

TEST_F(ConfigTest, ReadsTheArchiveAndHttp) {
  const ConfigFile file = load(
      "archive: { url: 'http://box:7180', keep: 7d, max: 2GiB }\n"
      "http: 127.0.0.1:7180\nhttp_token_file: http.token\n");
  EXPECT_EQ(file.problems.to_text(), "");
  EXPECT_EQ(file.config.archive.url, "http://box:7180");
  EXPECT_EQ(file.config.archive.keep, Duration(7 * 24h));
  EXPECT_EQ(file.config.archive.bytes_max, 2ull << 30);
  EXPECT_EQ(file.config.http_host, "127.0.0.1");
  EXPECT_EQ(file.config.http_port, 7180);
  EXPECT_EQ(file.config.http_token_file, path("http.token"));
}

TEST_F(ConfigTest, RefusesAnArchiveThatIsNone) {
  for (const char* text :
       {"archive: { url: gopher://box }\n", "archive: { url: 'file://relative' }\n",
        "archive: { keep: 59s }\n", "archive: { max: 1000K }\n", "archive: { path: /x }\n",
        "http: '7180'\n", "http: 'box:'\n", "http: ':7180'\n", "http: 'box:65536'\n",
        "http: 'box:71x'\n"}) {
    EXPECT_TRUE(load(text).problems.has_errors()) << text;
  }
}

TEST_F(ConfigTest, AHttpTokenIsReadFromItsFile) {
  Config config;
  EXPECT_EQ(*load_http_token(config), "");
  config.http_token_file = write("token", "0123456789abcdef\n");
  EXPECT_EQ(*load_http_token(config), "0123456789abcdef");
  for (const std::string& text : {std::string("short"), std::string("0123456789abcdef x"),
                                  std::string(), std::string(513, 'x')}) {
    config.http_token_file = write("token", text);
    EXPECT_FALSE(load_http_token(config).ok()) << text;
  }
  config.http_token_file = path("nowhere");
  EXPECT_FALSE(load_http_token(config).ok());
}

TEST_F(ConfigTest, ReadsCouchDb) {
  const ConfigFile file = load(
      "couchdb: { url: 'https://db.lab:6984/', db: events, user: pusher,\n"
      "  password_file: couchdb.password, ca_file: /etc/lab.pem, create: false }\n");
  EXPECT_EQ(file.problems.to_text(), "");
  const CouchDbConfig& couchdb = file.config.couchdb;
  EXPECT_TRUE(couchdb.enabled);
  EXPECT_EQ(couchdb.url, "https://db.lab:6984");
  EXPECT_EQ(couchdb.db, "events");
  EXPECT_EQ(couchdb.user, "pusher");
  EXPECT_EQ(couchdb.password_file, path("couchdb.password"));
  EXPECT_EQ(couchdb.ca_file, "/etc/lab.pem");
  EXPECT_FALSE(couchdb.create);
  EXPECT_FALSE(load_couchdb_password(couchdb).ok());
  write("couchdb.password", "s3cret word\r\n");
  EXPECT_EQ(*load_couchdb_password(couchdb), "s3cret word");
  for (const std::string& none : {std::string("\n"), std::string(513, 'x')}) {
    write("couchdb.password", none);
    EXPECT_FALSE(load_couchdb_password(couchdb).ok());
  }
}

TEST_F(ConfigTest, RefusesACouchDbThatIsNone) {
  for (const char* text :
       {"couchdb: {}\n", "couchdb: { url: 'http://box:5984' }\n", "couchdb: { db: events }\n",
        "couchdb: { url: box, db: events }\n", "couchdb: { url: 'ftp://box', db: events }\n",
        "couchdb: { url: 'http://ann:pw@box', db: events }\n",
        "couchdb: { url: 'http://box/path', db: events }\n",
        "couchdb: { url: 'http://', db: events }\n", "couchdb: { url: 'http://box', db: Events }\n",
        "couchdb: { url: 'http://box', db: _events }\n",
        "couchdb: { url: 'http://box', db: events, password: pw }\n"}) {
    EXPECT_TRUE(load(text).problems.has_errors()) << text;
  }
}

TEST_F(ConfigTest, ReadsAvesPanotti) {
  write("panotti.json", R"({"host": "db.lab", "port": 5985, "db": "panotti", "enabled": true})");
  ConfigFile file = load_config(Home{dir()});  // without a muster.yaml
  EXPECT_EQ(file.problems.to_text(), "");
  EXPECT_TRUE(file.config.couchdb.enabled);
  EXPECT_EQ(file.config.couchdb.url, "http://db.lab:5985");
  EXPECT_EQ(file.config.couchdb.db, "panotti");
  // muster.yaml goes before it, key by key.
  file = load("couchdb: { user: pusher, db: other }\n");
  EXPECT_EQ(file.problems.to_text(), "");
  EXPECT_EQ(file.config.couchdb.url, "http://db.lab:5985");
  EXPECT_EQ(file.config.couchdb.db, "other");
  EXPECT_EQ(file.config.couchdb.user, "pusher");
  EXPECT_FALSE(load("couchdb: { enabled: false }\n").config.couchdb.enabled);
}

TEST_F(ConfigTest, APanottiThatIsNotSwitchedOnIsSilent) {
  for (const char* text :
       {R"({"enabled": false, "host": "<UPDATE>", "port": 5984, "db": "panotti"})",
        R"({"host": "db.lab", "db": "panotti"})", "{}", ""}) {
    write("panotti.json", text);
    const ConfigFile file = load_config(Home{dir()});
    EXPECT_EQ(file.problems.to_text(), "") << text;
    EXPECT_FALSE(file.config.couchdb.enabled) << text;
  }
  for (const char* text : {R"({"enabled": true})", R"({"enabled": true, "host": "x", "db": "X"})",
                           R"({"enabled": true, "host": "<UPDATE>", "db": "panotti"})",
                           R"({"enabled": true, "host": "x", "port": 0, "db": "panotti"})"}) {
    write("panotti.json", text);
    EXPECT_TRUE(load_config(Home{dir()}).problems.has_errors()) << text;
  }
}

TEST_F(ConfigTest, AHomeThatIsAFileIsNotAWrongConfiguration) {
  const ConfigFile file = load_config(Home{write("file", "")});
  EXPECT_EQ(file.problems.to_text(), "");
}

TEST_F(ConfigTest, ReadsAWholeOne) {
  const ConfigFile file = load(
      "endpoint: tcp://127.0.0.1:7100\n"
      "listen: [tcp://127.0.0.1:7100, ipc:///tmp/b.sock]\n"
      "worker: { name: rack3, slots: 12, pools: [wifi], lab: lund, log_max: 20M, disk_reserve: 0,\n"
      "  listers: [{name: usb, command: [listers/usb, -v]}, {name: sh, command: {shell: ls}}] }\n"
      "beat: 500ms\nlease: 5s\ntrace_calls: true\n"
      "log: { level: debug, json: true, size: 64KiB, files: 1000, events: warn }\n");
  EXPECT_EQ(file.problems.to_text(), "");
  EXPECT_EQ(file.config.endpoint, "tcp://127.0.0.1:7100");
  EXPECT_EQ(file.config.listen,
            (std::vector<std::string>{"tcp://127.0.0.1:7100", "ipc:///tmp/b.sock"}));
  EXPECT_EQ(file.config.worker.name, "rack3");
  EXPECT_EQ(file.config.worker.slots, 12u);
  EXPECT_EQ(file.config.worker.pools, std::vector<std::string>{"wifi"});
  EXPECT_EQ(file.config.worker.log_max, 20u << 20);
  EXPECT_EQ(file.config.worker.disk_reserve, 0u);
  EXPECT_EQ(file.config.worker.lab, "lund");
  const std::vector<ListerConfig> listers = {{"usb", {path("listers/usb"), "-v"}},
                                             {"sh", {"/bin/sh", "-c", "ls"}}};
  EXPECT_EQ(file.config.worker.listers, listers);
  EXPECT_EQ(file.config.beat, Duration(500ms));
  EXPECT_EQ(file.config.lease, Duration(5s));
  EXPECT_EQ(file.config.log, (LogConfig{"debug", true, 64 << 10, 1000, "warn"}));
  EXPECT_TRUE(file.config.trace_calls);
}

TEST_F(ConfigTest, TheBrokerListensWherePeopleDial) {
  EXPECT_EQ(load("endpoint: tcp://127.0.0.1:7100\n").config.listen,
            std::vector<std::string>{"tcp://127.0.0.1:7100"});
}

TEST_F(ConfigTest, AWorkerHasSoManyListersAndNoMore) {
  const auto with_listers = [this](size_t count) {
    std::string text = "worker:\n  listers:\n";
    for (size_t i = 0; i < count; ++i) {
      text += "    - {name: l" + std::to_string(i) + ", command: [a]}\n";
    }
    return without_dir(load(text).problems.to_text());
  };
  EXPECT_EQ(with_listers(kListersMax), "");
  EXPECT_EQ(with_listers(kListersMax + 1),
            "DIR/muster.yaml:3:5: a worker has at most 16 listers\n");
}

TEST_F(ConfigTest, SaysWhatIsWrongAndWhere) {
  struct Row {
    const char* text;
    const char* problem;  // behind DIR/muster.yaml:
  };
  const std::vector<Row> rows = {
      {"[a]", "1:1: the configuration must be a map with keys such as \"version\", not a list\n"},
      {"enpoint: x", "1:1: unknown key \"enpoint\" in the configuration; did you mean endpoint?\n"},
      {"endpoint: \"\"", "1:11: \"endpoint\" must not be empty\n"},
      {"listen: []", "1:9: the broker must listen somewhere\n"},
      {"listen: tcp://127.0.0.1:1", "1:9: \"listen\" must be a list, not \"tcp://127.0.0.1:1\"\n"},
      {"worker: {slots: 0}", "1:17: \"slots\" must be from 1 to 10000, not 0\n"},
      {"worker: {slots: 10001}", "1:17: \"slots\" must be from 1 to 10000, not 10001\n"},
      {"worker: {slot: 1}",
       "1:10: unknown key \"slot\" in the worker's configuration; did you mean slots?\n"},
      {"worker: rack", "1:9: \"worker\" must be a map, not \"rack\"\n"},
      {"worker: {listers: [{name: a}]}", "1:20: a lister needs \"command\"\n"},
      {"worker: {listers: [{command: [a]}]}", "1:20: a lister needs \"name\"\n"},
      {"worker: {listers: [{name: a, command: [a]}, {name: a, command: [b]}]}",
       "1:52: lister \"a\" is named twice\n"},
      {"worker: {listers: [usb]}",
       "1:20: a lister must be a map with keys such as \"name\", not \"usb\"\n"},
      {"worker: {listers: usb}", "1:19: \"listers\" must be a list, not \"usb\"\n"},
      {"beat: 10ms", "1:7: must be at least 20ms\n"},
      {"lease: 5s", "1:8: must be at least 3 beats, which are 2s each\n"},
      {"beat: 30ms\nlease: 100ms", "2:8: must be at least 200ms\n"},
      {"worker: {log_max: 4095}", "1:19: must be at least 4KiB\n"},
      {"log: {level: loud}",
       "1:14: \"level\" must be one of info, trace, debug, warn, error, not \"loud\"\n"},
      {"log: {events: loud}",
       "1:15: \"events\" must be one of off, info, warn, error, critical, not \"loud\"\n"},
      {"log: {size: 65535}", "1:13: must be 64KiB to 1GiB\n"},
      {"log: {size: 1025MiB}", "1:13: must be 64KiB to 1GiB\n"},
      {"log: {files: 0}", "1:14: \"files\" must be from 1 to 1000, not 0\n"},
      {"log: {files: 1001}", "1:14: \"files\" must be from 1 to 1000, not 1001\n"},
      {"log: debug", "1:6: \"log\" must be a map, not \"debug\"\n"},
      {"log: {lvl: debug}",
       "1:7: unknown key \"lvl\" in the configuration of logs; did you mean level?\n"},
      {"trace_calls: all", "1:14: \"trace_calls\" must be true or false, not \"all\"\n"},
      {"version: 1\nkind: inventory",
       "2:7: this must be a file of kind config, not \"inventory\"\n"},
      {"beat: 1s\n---\nbeat: 2s", "3:1: this file holds one document, not more\n"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(without_dir(load(row.text).problems.to_text()),
              "DIR/muster.yaml:" + std::string(row.problem))
        << row.text;
  }
  for (const char* text : {"endpoint: carrier-pigeon://x", "endpoint: tcp://example.org:1",
                           "endpoint: tcp://0.0.0.0:1", "listen: [\"tcp://127.0.0.1:99999\"]",
                           "worker: {name: a b}", "worker: {name: }", "beat: often", "a: [",
                           "worker: {pools: [a, a]}", "worker: {disk_reserve: much}"}) {
    EXPECT_EQ(load(text).problems.errors(), 1u) << text << load(text).problems.to_text();
  }
}

}  // namespace
}  // namespace muster
