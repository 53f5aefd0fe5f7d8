#include "io/config.h"

#include <gmock/gmock.h>

#include <set>
#include <string>
#include <vector>

#include "io/file.h"
#include "io/sha256.h"
#include "tests/io/config_files.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

class ConfigTest : public ConfigFiles {};

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
      "archive: { url: 'http://box:7180', keep: 90d, max: 2GiB }\n"
      "http: 127.0.0.1:7180\nhttp_token_file: http.token\n");
  EXPECT_EQ(file.problems.to_text(), "");
  EXPECT_EQ(file.config.archive.url, "http://box:7180");
  EXPECT_EQ(file.config.archive.keep, Duration(90 * 24h));
  EXPECT_EQ(file.config.archive.bytes_max, 2ull << 30);
  EXPECT_EQ(file.config.http_host, "127.0.0.1");
  EXPECT_EQ(file.config.http_port, 7180);
  EXPECT_EQ(file.config.http_token_file, path("http.token"));
}

TEST_F(ConfigTest, RefusesAnArchiveThatIsNone) {
  for (const char* text :
       {"archive: { url: gopher://box }\n", "archive: { url: 'file://relative' }\n",
        "archive: { keep: 59s }\n", "archive: { keep: 3651d }\n", "archive: { max: 1000K }\n",
        "archive: { path: /x }\n", "http: '7180'\n", "http: 'box:'\n", "http: ':7180'\n",
        "http: 'box:65536'\n", "http: 'box:71x'\n"}) {
    EXPECT_TRUE(load(text).problems.has_errors()) << text;
  }
}

TEST_F(ConfigTest, AnAddressInBracketsIsWithoutThemWhenItIsBound) {
  EXPECT_EQ(load("http: '[::1]:7180'\n").config.http_host, "::1");
  EXPECT_TRUE(load("http: '::1:7180'\n").problems.has_errors());
}

TEST_F(ConfigTest, AHttpTokenIsReadFromItsFile) {
  Config config;
  EXPECT_EQ(*load_http_token(config), "");
  config.http_token_file = write("token", "0123456789abcdef\n");
  ASSERT_EQ(::chmod(config.http_token_file.c_str(), 0644), 0);
  EXPECT_FALSE(load_http_token(config).ok()) << "everybody may read it";
  ASSERT_EQ(::chmod(config.http_token_file.c_str(), 0640), 0);
  EXPECT_EQ(*load_http_token(config), "0123456789abcdef");
  for (const std::string& text : {std::string("short"), std::string("0123456789abcdef x"),
                                  std::string(), std::string(513, 'x')}) {
    config.http_token_file = write("token", text);
    EXPECT_FALSE(load_http_token(config).ok()) << text;
  }
  config.http_token_file = path("nowhere");
  EXPECT_FALSE(load_http_token(config).ok());
}

TEST_F(ConfigTest, WhoListensNeedsTheDigestOfAHttpTokenOnly) {
  Config config;
  EXPECT_EQ(*load_http_token_digest(config), "");
  const std::string digest = sha256_hex("0123456789abcdef");
  for (const std::string& text : {std::string("0123456789abcdef\n"), "sha256:" + digest + "\n"}) {
    config.http_token_file = write("token", text);
    ASSERT_EQ(::chmod(config.http_token_file.c_str(), 0600), 0);
    EXPECT_EQ(*load_http_token_digest(config), digest) << text;
  }
  EXPECT_FALSE(load_http_token(config).ok()) << "nobody can write with the digest";
  config.http_token_file = write("token", "sha256:" + digest.substr(1));
  EXPECT_FALSE(load_http_token_digest(config).ok());
}

TEST_F(ConfigTest, ReadsWhereTheFeedListens) {
  EXPECT_EQ(load("").config.feed_publish, "ipc://" + path("run/feed.sock"));
  EXPECT_EQ(load("").config.feed_replay, "ipc://" + path("run/replay.sock"));
  const ConfigFile file = load("feed: { publish: 'tcp://127.0.0.1:7181' }\n");
  EXPECT_EQ(file.problems.to_text(), "");
  EXPECT_EQ(file.config.feed_publish, "tcp://127.0.0.1:7181");
  EXPECT_EQ(file.config.feed_replay, "ipc://" + path("run/replay.sock"));
  EXPECT_TRUE(load("feed: { publish: 'tcp://10.0.0.5' }\n").problems.has_errors());
  EXPECT_TRUE(load("feed: { port: 7181 }\n").problems.has_errors());
}

TEST_F(ConfigTest, ReadsKeys) {
  const KeysConfig without = load("").config.keys;
  EXPECT_EQ(without.broker, path("keys/broker.key"));
  EXPECT_EQ(without.worker, "") << "by the worker's name";
  EXPECT_EQ(without.collector, path("keys/collector.key"));
  EXPECT_EQ(without.user, path("keys/admin.key"));
  EXPECT_EQ(without.server, path("keys/broker.pub"));
  EXPECT_EQ(without.allowed, path("keys/allowed"));
  EXPECT_FALSE(load("").config.insecure);
  const std::string key(64, 'a');
  const ConfigFile file =
      load("keys: { user: kim, worker: /etc/w.key, broker: k/b.key, server: " + key +
           ", allowed: who }\ninsecure: true\n");
  EXPECT_EQ(file.problems.to_text(), "");
  EXPECT_EQ(file.config.keys.user, path("keys/kim.key"));
  EXPECT_EQ(file.config.keys.worker, "/etc/w.key");
  EXPECT_EQ(file.config.keys.broker, path("k/b.key"));
  EXPECT_EQ(file.config.keys.server, key);
  EXPECT_EQ(file.config.keys.allowed, path("who"));
  EXPECT_TRUE(file.config.insecure);
  EXPECT_EQ(load("keys: { server: pub/broker.pub }").config.keys.server, path("pub/broker.pub"));
}

TEST_F(ConfigTest, ReadsCouchDb) {
  const ConfigFile file = load(
      "couchdb: { url: 'https://db.lab:6984/', db: events, user: pusher,\n"
      "  password_file: couchdb.password, ca_file: /dev/null, create: false }\n");
  EXPECT_EQ(file.problems.to_text(), "");
  const CouchDbConfig& couchdb = file.config.couchdb;
  EXPECT_TRUE(couchdb.enabled);
  EXPECT_EQ(couchdb.url, "https://db.lab:6984");
  EXPECT_EQ(couchdb.db, "events");
  EXPECT_EQ(couchdb.user, "pusher");
  EXPECT_EQ(couchdb.password_file, path("couchdb.password"));
  EXPECT_EQ(couchdb.ca_file, "/dev/null");
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
  for (const char* text : {"couchdb: {}\n",
                           "couchdb: { url: 'http://box:5984' }\n",
                           "couchdb: { db: events }\n",
                           "couchdb: { url: box, db: events }\n",
                           "couchdb: { url: 'ftp://box', db: events }\n",
                           "couchdb: { url: 'http://ann:pw@box', db: events }\n",
                           "couchdb: { url: 'http://box/path', db: events }\n",
                           "couchdb: { url: 'http://box:abc', db: events }\n",
                           "couchdb: { url: 'http://box:99999', db: events }\n",
                           "couchdb: { url: 'http://box:0', db: events }\n",
                           "couchdb: { url: 'http://box:', db: events }\n",
                           "couchdb: { url: 'http://:5984', db: events }\n",
                           "couchdb: { url: 'http://box:1:2', db: events }\n",
                           "couchdb: { url: 'http://[::1', db: events }\n",
                           "couchdb: { url: 'http://[::1]x', db: events }\n",
                           "couchdb: { url: 'http://[::1]x:5984', db: events }\n",
                           "couchdb: { url: 'http://box', db: events, password_file: pw }\n",
                           "couchdb: { url: 'http://', db: events }\n",
                           "couchdb: { url: 'http://box', db: Events }\n",
                           "couchdb: { url: 'http://box', db: _events }\n",
                           "couchdb: { url: 'http://box', db: events, password: pw }\n"}) {
    EXPECT_TRUE(load(text).problems.has_errors()) << text;
  }
}

TEST_F(ConfigTest, ReadsDecibel) {
  ConfigFile file = load(
      "decibel: { url: 'https://decibel.lab/api/test-results/v1/', token_file: decibel.token,\n"
      "  ca_file: /etc/lab.pem, kinds: [job, repair], sw: fw 1.2, team: radio, origin: lund }\n");
  EXPECT_EQ(file.problems.to_text(), "");
  const DecibelConfig& decibel = file.config.decibel;
  EXPECT_TRUE(decibel.enabled);
  EXPECT_FALSE(decibel.receive);
  EXPECT_EQ(decibel.url, "https://decibel.lab/api/test-results/v1/");
  EXPECT_EQ(decibel.token_file, path("decibel.token"));
  EXPECT_EQ(decibel.ca_file, "/etc/lab.pem");
  EXPECT_EQ(decibel.kinds, (std::set<TaskKind>{TaskKind::repair, TaskKind::job}));
  EXPECT_EQ(decibel.sw, "fw 1.2");
  EXPECT_EQ(decibel.team, "radio");
  EXPECT_EQ(decibel.framework, "muster");
  EXPECT_EQ(decibel.origin, "lund");
  EXPECT_FALSE(load_decibel_secrets(decibel).ok());
  write("decibel.token", "s3cret\n");
  EXPECT_EQ(load_decibel_secrets(decibel)->token, "s3cret");
  for (const std::string& none : {std::string("\n"), std::string(513, 'x'), std::string("a\nb")}) {
    write("decibel.token", none);
    EXPECT_FALSE(load_decibel_secrets(decibel).ok());
  }

  file = load("decibel: { receive: true }\n");
  EXPECT_EQ(file.problems.to_text(), "");
  EXPECT_TRUE(file.config.decibel.receive);
  EXPECT_EQ(file.config.decibel.keep, Duration(365 * 24h));
  EXPECT_EQ(file.config.decibel.runs_max, 100'000u);
  EXPECT_TRUE(file.config.decibel.enabled);
  EXPECT_THAT(file.config.decibel.url, ::testing::StartsWith("http+unix://"));
  EXPECT_THAT(file.config.decibel.url,
              ::testing::EndsWith("%2Frun%2Fcollector.http/api/test-results/v1/"));
  file = load("decibel: { receive: true, enabled: false, keep: 90d, max: 500 }\n");
  EXPECT_EQ(file.problems.to_text(), "");
  EXPECT_EQ(file.config.decibel.keep, Duration(90 * 24h));
  EXPECT_EQ(file.config.decibel.runs_max, 500u);
  EXPECT_FALSE(file.config.decibel.enabled);
  EXPECT_FALSE(load("beat: 2s\n").config.decibel.enabled);
}

TEST_F(ConfigTest, RefusesADecibelThatIsNone) {
  for (const char* text :
       {"decibel: {}\n", "decibel: { url: box }\n", "decibel: { url: 'ftp://box/' }\n",
        "decibel: { url: 'http://ann:pw@box/' }\n", "decibel: { url: 'http://' }\n",
        "decibel: { url: 'http:///path' }\n", "decibel: { url: 'http://box/a b' }\n",
        "decibel: { url: 'http://box/', kinds: [] }\n",
        "decibel: { url: 'http://box/', kinds: [jobs] }\n",
        "decibel: { url: 'http://box/', user: ann, token_file: t }\n",
        "decibel: { url: 'http://box/', token: secret }\n",
        "decibel: { receive: true, keep: 59m }\n", "decibel: { receive: true, max: 0 }\n",
        "decibel: { url: 'http://box/', keep: 90d }\n"}) {
    EXPECT_TRUE(load(text).problems.has_errors()) << text;
  }
}

TEST_F(ConfigTest, ReadsWhereACouchDbIs) {
  for (const std::string url : {"http://box", "http://box:1", "https://box.lab-2:65535",
                                "http://[::1]", "http://[fe80::1]:5984", "http://10.0.0.1:5984"}) {
    const ConfigFile file = load("couchdb: { url: '" + url + "', db: events }\n");
    EXPECT_EQ(file.problems.to_text(), "") << url;
    EXPECT_EQ(file.config.couchdb.url, url);
  }
}

// The collector said "cannot read FILE", and not who wants it.
TEST_F(ConfigTest, WhatCouchDbsFilesLackIsSaidByTheirKey) {
  const std::string place = "couchdb: { url: 'https://box', db: events, ";
  CouchDbConfig config = load(place + "ca_file: lab.pem }\n").config.couchdb;
  EXPECT_THAT(load_couchdb_password(config).error(),
              HasSubstr("ca_file of couchdb in muster.yaml: cannot read " + path("lab.pem")));
  write("lab.pem", "");
  EXPECT_TRUE(load_couchdb_password(config).ok());
  config = load(place + "user: ann, password_file: pw }\n").config.couchdb;
  EXPECT_THAT(load_couchdb_password(config).error(),
              HasSubstr("password_file of couchdb in muster.yaml: cannot read " + path("pw")));
  write("pw", "\n");
  EXPECT_THAT(load_couchdb_password(config).error(), HasSubstr(path("pw") + " holds no password"));
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
                           R"({"enabled": true, "host": "x:6984", "db": "panotti"})",
                           R"({"enabled": true, "host": "x", "port": 0, "db": "panotti"})"}) {
    write("panotti.json", text);
    EXPECT_TRUE(load_config(Home{dir()}).problems.has_errors()) << text;
  }
}

// They said what a value has to be, and not whose.
TEST_F(ConfigTest, WhatIsWrongWithAConfigurationInJsonNamesItsKeyAndItsPlace) {
  const std::pair<std::string, std::string> rows[] = {
      {R"({"enabled": 1})", "1:13: \"enabled\" must be true or false"},
      {R"({"enabled": true, "db": "a"})", "1:1: AVE's configuration of CouchDB needs \"host\""},
      {R"({"enabled": true, "host": "x"})", "1:1: AVE's configuration of CouchDB needs \"db\""},
      {R"({"enabled": true, "host": "x", "db": "X"})", "1:38: \"db\" is no name of a database"},
      {"{\"enabled\": true,\n \"host\": \"x:1\", \"db\": \"a\"}", "2:10: \"host\" is no host"},
      {R"({"enabled": true, "host": "x", "db": "a", "port": 0})", "1:51: \"port\" must be from 1"},
      {R"({"enabled": true, "host": "x", "db": "a", "prot": 1})", "unknown key \"prot\""},
  };
  for (const auto& [text, problem] : rows) {
    write("panotti.json", text);
    const std::string said = load_config(Home{dir()}).problems.to_text();
    EXPECT_NE(said.find(dir() + "/panotti.json:"), std::string::npos) << said;
    EXPECT_NE(said.find(problem), std::string::npos) << said;
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
      {"beat: 10ms", "1:7: \"beat\" must be at least 20ms\n"},
      {"lease: 5s", "1:8: \"lease\" must be at least 3 beats, which are 2s each\n"},
      {"beat: 30ms\nlease: 100ms", "2:8: \"lease\" must be at least 200ms\n"},
      {"worker: {log_max: 4095}", "1:19: \"log_max\" must be at least 4KiB\n"},
      {"log: {level: loud}",
       "1:14: \"level\" must be one of info, trace, debug, warn, error, not \"loud\"\n"},
      {"log: {events: loud}",
       "1:15: \"events\" must be one of off, info, warn, error, critical, not \"loud\"\n"},
      {"log: {size: 65535}", "1:13: \"size\" must be 64KiB to 1GiB\n"},
      {"log: {size: 1025MiB}", "1:13: \"size\" must be 64KiB to 1GiB\n"},
      {"log: {files: 0}", "1:14: \"files\" must be from 1 to 1000, not 0\n"},
      {"log: {files: 1001}", "1:14: \"files\" must be from 1 to 1000, not 1001\n"},
      {"log: debug", "1:6: \"log\" must be a map, not \"debug\"\n"},
      {"log: {levels: debug}",
       "1:7: unknown key \"levels\" in the configuration of logs; did you mean level?\n"},
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
  for (const char* text :
       {"endpoint: carrier-pigeon://x", "endpoint: tcp://example.org", "endpoint: tcp://a b:1",
        "listen: [\"tcp://127.0.0.1:99999\"]", "insecure: yes", "keys: {worker: a b}",
        "keys: {key: x}", "worker: {name: a b}", "worker: {name: }", "beat: often", "a: [",
        "worker: {pools: [a, a]}", "worker: {disk_reserve: much}"}) {
    EXPECT_EQ(load(text).problems.errors(), 1u) << text << load(text).problems.to_text();
  }
}

TEST_F(ConfigTest, TheLedgerMayLieOnAServer) {
  EXPECT_FALSE(load("beat: 2s\n").config.ledger.has_value());
  const ConfigFile file = load(
      "ledger: { server: db.lab:3307, database: lab_1, user: ann, password_file: secret,\n"
      "  tls_ca: /etc/ca.pem, tls_cert: our.pem, tls_key: our.key }\n");
  EXPECT_EQ(file.problems.to_text(), "");
  const LedgerServer server = file.config.ledger.value_or(LedgerServer{});
  EXPECT_EQ(server.options.host, "db.lab");
  EXPECT_EQ(server.options.port, 3307);
  EXPECT_EQ(server.options.database, "lab_1");
  EXPECT_EQ(server.options.user, "ann");
  EXPECT_EQ(server.password_file, path("secret"));
  EXPECT_EQ(server.options.tls,
            (MariadbTls{true, "/etc/ca.pem", path("our.pem"), path("our.key")}));
  EXPECT_EQ(describe(ledger_place(Home{"/h"}, server)), "mariadb://ann@db.lab:3307/lab_1");
}

TEST_F(ConfigTest, TheLedgersServerIsAskedForTlsUnlessItIsHere) {
  struct Row {
    std::string ledger;
    std::string host;
    std::string socket;
    bool tls;
  };
  const Row rows[] = {
      {"server: db.lab", "db.lab", "", true},
      {"server: 'db.lab:3306', tls: none", "db.lab", "", false},
      {"server: 'db.lab:3306', tls: none, tls_ca: ca.pem", "db.lab", "", true},
      {"server: '127.0.0.1:3306'", "127.0.0.1", "", false},
      {"server: '[::1]:3306'", "::1", "", false},
      {"server: '[2001:db8::1]:3306'", "2001:db8::1", "", true},
      {"server: localhost, tls: required", "localhost", "", true},
      {"server: /run/mysqld/mysqld.sock", "", "/run/mysqld/mysqld.sock", false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.ledger);
    const ConfigFile file = load("ledger: { " + row.ledger + " }\n");
    EXPECT_EQ(file.problems.to_text(), "");
    ASSERT_TRUE(file.config.ledger.has_value());
    const MariadbOptions& options = file.config.ledger->options;
    EXPECT_EQ(options.host, row.host);
    EXPECT_EQ(options.socket, row.socket);
    EXPECT_EQ(options.tls.on, row.tls);
    EXPECT_EQ(options.port, 3306);
    EXPECT_EQ(options.database, "muster");
  }
}

TEST_F(ConfigTest, AWrongLedgerIsAnError) {
  for (const std::string& ledger :
       {std::string(""), std::string("user: ann"), std::string("server: ''"),
        std::string("server: 'db:x'"), std::string("server: 'db:65536'"),
        std::string("server: '::1'"), std::string("server: db, database: ''"),
        std::string("server: db, database: 'a`b'"), "server: db, database: " + std::string(65, 'x'),
        std::string("server: db, tls: maybe"), std::string("server: db, tls_cert: a.pem"),
        std::string("server: db, colour: red"),
        std::string("server: db, password: a, password_file: b")}) {
    EXPECT_TRUE(load("ledger: { " + ledger + " }\n").problems.has_errors()) << ledger;
  }
}

TEST_F(ConfigTest, TheExampleOfALedgerOnAServerIsRight) {
  const Result<std::string> text =
      read_file(MUSTER_SOURCE_DIR "/deploy/examples/muster-mariadb.yaml", 1 << 16);
  ASSERT_TRUE(text.ok()) << text.error();
  EXPECT_EQ(load(*text).problems.to_text(), "");
}

}  // namespace
}  // namespace muster
