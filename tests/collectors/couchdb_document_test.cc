#include "collectors/couchdb_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "io/file.h"
#include "tests/collectors/script.h"

namespace muster {
namespace {

using nlohmann::json;

json document(EventBody body, uint64_t seq = 42) {
  const std::string text = couchdb_document("the-log", {seq, {script_time(seq), std::move(body)}});
  json parsed = json::parse(text, nullptr, false);
  EXPECT_TRUE(parsed.is_object()) << text;
  return parsed;
}

AttemptReported said(AttemptReported::Body body) {
  return {{"bench", 7}, {"0194-some-task", 2}, script_time(1), std::move(body)};
}

TEST(CouchDbDocument, HasWhatEveryDocumentHas) {
  const json doc = document(said(CaseResult{"net", "dhcp", Outcome::fail, 1500ms, "no lease"}));
  EXPECT_EQ(doc, json::parse(R"({
    "_id": "the-log:0000000000000042", "schema": "muster.couchdb_event/1",
    "guid": "0194-some-task", "time_stamp": "2026-09-21T14:14:02.000000Z", "type": "result",
    "source": "worker/bench", "log": "the-log", "seq": 42,
    "task": {"guid": "0194-some-task", "attempt": 2},
    "payload": {"attempt": 2, "worker": "bench", "report": "7",
                "reported_at": "2026-09-21T14:13:21.000000Z", "suite": "net", "name": "dhcp",
                "outcome": "fail", "duration_s": 1.5, "message": "no lease"}})"));
}

TEST(CouchDbDocument, SaysWhoSpeaks) {
  EXPECT_EQ(document(leased("0194-some-task", 1))["source"], "broker");
  EXPECT_EQ(document(CancelRequested{"0194-some-task", "", ""})["source"], "broker");
  EXPECT_EQ(document(CancelRequested{"0194-some-task", "", ""})["task"].count("attempt"), 0u);
  EXPECT_EQ(document(started("0194-some-task", 1))["source"], "worker/bench");
}

TEST(CouchDbDocument, MetadataOfTheTask) {
  auto spec = std::make_shared<TaskSpec>(script_spec("0194-some-task"));
  EXPECT_EQ(document(TaskSubmitted{spec}).count("metadata"), 0u);
  spec->metadata = {{"build", "4711"}, {"branch", "main"}};
  EXPECT_EQ(document(TaskSubmitted{spec})["metadata"],
            (json{{"branch", "main"}, {"build", "4711"}}));
}

TEST(CouchDbDocument, MetadataIsOnEveryEventOfTheTask) {
  Event event{script_time(1), started("0194-some-task", 1)};
  event.metadata = std::make_shared<Metadata>(Metadata{{"build", "4711"}});
  EXPECT_EQ(json::parse(couchdb_document("l", {1, event}))["metadata"], (json{{"build", "4711"}}));
}

TEST(CouchDbDocument, IdsAscendWithTheNumbers) {
  EXPECT_EQ(couchdb_id("l", 1), "l:0000000000000001");
  EXPECT_EQ(couchdb_id("l", 9'999'999'999'999'999), "l:9999999999999999");
  EXPECT_EQ(couchdb_id("l", UINT64_MAX), "l:18446744073709551615");
}

TEST(CouchDbDocument, WhatIsNotUtf8IsReplacedNeverDropped) {
  const json doc =
      document(said(Record{"FAIL", "", "job", {{"k\xff", "v\xc3"}}, "a\x80z\xed\xa0\x80"}));
  EXPECT_EQ(doc["payload"]["message"], "a\uFFFDz\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(doc["payload"]["fields"], (json{{"k\uFFFD", "v\uFFFD"}}));
}

TEST(CouchDbDocument, IntegersThatADoubleDoesNotHoldAreText) {
  const int64_t exact = int64_t{1} << 53;
  const json row =
      document(said(Measurement{"t",
                                {{"exact", exact},
                                 {"more", exact + 1},
                                 {"least", INT64_MIN},
                                 {"small", int64_t{-5}},
                                 {"real", 0.25},
                                 {"none", std::nan("")},
                                 {"word", std::string("9007199254740993")}}}))["payload"]["row"];
  EXPECT_EQ(row, (json{{"exact", exact},
                       {"more", "9007199254740993"},
                       {"least", "-9223372036854775808"},
                       {"small", -5},
                       {"real", 0.25},
                       {"none", nullptr},
                       {"word", "9007199254740993"}}));
}

TEST(CouchDbDocument, WhatWasShoutedIsThereAsItIs) {
  const json doc = document(said(Shout{
      R"({"_id":"mine","n":9007199254740993,"deep":[{"m":-9007199254740993}],"t":"ü","f":1.5})"}));
  EXPECT_EQ(doc["payload"], json::parse(R"({"_id":"mine","n":"9007199254740993",
      "deep":[{"m":"-9007199254740993"}],"t":"ü","f":1.5})"));
}

// A worker may say what no job of it could; it was walked with a part of the stack for each level.
TEST(CouchDbDocument, AShoutThatIsNestedTooDeepIsText) {
  const std::string text = "{\"a\":" + std::string(30'000, '[') + std::string(30'000, ']') + "}";
  EXPECT_EQ(document(said(Shout{text}))["payload"]["json"], text);
}

TEST(CouchDbDocument, AShoutThatIsNoObjectIsText) {
  for (const char* text : {"", "nonsense", "[1]", "17", R"({"a":"\ud800"})", R"({"a":1e999})"}) {
    EXPECT_EQ(document(said(Shout{text}))["payload"]["json"], text);
  }
}

// The contract for those who read the database.
TEST(CouchDbDocument, IsWhatItsSchemaSays) {
  const std::string path =
      std::string(MUSTER_SOURCE_DIR) + "/schemas/json/couchdb_event.schema.json";
  const json schema = json::parse(*read_file(path, 1 << 20), nullptr, false);
  ASSERT_TRUE(schema.is_object());
  std::set<std::string> types;
  for (const SequencedEvent& at : make_script()) {
    const json doc = json::parse(couchdb_document("the-log", at));
    for (const auto& [key, value] : doc.items()) {
      EXPECT_TRUE(schema["properties"].contains(key)) << key;
    }
    for (const json& key : schema["required"]) EXPECT_TRUE(doc.contains(key)) << key;
    EXPECT_EQ(schema["properties"]["schema"]["const"], doc["schema"]);
    if (!event_guid(at.event).empty()) types.insert(doc["type"]);
  }
  const std::set<std::string> known = schema["properties"]["type"]["enum"];
  for (const std::string& type : types) EXPECT_TRUE(known.contains(type)) << type;
}

}  // namespace
}  // namespace muster
