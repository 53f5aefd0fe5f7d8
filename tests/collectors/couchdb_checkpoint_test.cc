// What the database says of how far it was filled, and what becomes of it when that is too little.
#include "collectors/couchdb_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "tests/collectors/couchdb_kit.h"

namespace muster {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using CouchDbCheckpointTest = CouchDbSinkTest;

TEST(CouchDbCheckpoint, OnlyAnAnswerOfCouchDbsSaysSomething) {
  struct Row {
    int status;
    std::string body;
    std::string fault;
    bool is_answer;
    uint64_t cursor;
    std::string rev;
  };
  const std::string ours = R"({"_id":"_local/x","_rev":"0-7","log":"log-a","cursor":17})";
  const Row rows[] = {
      {200, ours, "", true, 17, "0-7"},
      {200, R"({"_rev":"0-7","log":"log-b","cursor":17})", "", true, 0, "0-7"},
      {200, R"({"_rev":"0-7","log":"log-a","cursor":"17"})", "", true, 0, "0-7"},
      {200, R"({"_rev":"0-7","log":"log-a","cursor":-17})", "", true, 0, "0-7"},
      {200, R"({"_rev":"0-7"})", "", true, 0, "0-7"},
      {404, R"({"error":"not_found","reason":"missing"})", "", true, 0, ""},
      {404, R"({"error":"not_found","reason":"Database does not exist."})", "", true, 0, ""},
      {404, "<html>no such page</html>", "", false, 0, ""},
      {404, R"({"error":"nolb"})", "", false, 0, ""},
      {200, "<html>log in</html>", "", false, 0, ""},
      {200, R"({"ok":true})", "", false, 0, ""},
      {200, "", "", false, 0, ""},
      {503, R"({"error":"not_found"})", "", false, 0, ""},
      {401, R"({"error":"unauthorized"})", "", false, 0, ""},
      {0, ours, "timed out", false, 0, ""},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.body);
    HttpReply reply;
    reply.status = row.status;
    reply.body = row.body;
    reply.fault = row.fault;
    const std::optional<CouchCheckpoint> found = read_couch_checkpoint(reply, "log-a");
    ASSERT_EQ(found.has_value(), row.is_answer);
    if (!found) continue;
    EXPECT_EQ(found->cursor, row.cursor);
    EXPECT_EQ(found->rev, row.rev);
  }
}

TEST(CouchDbCheckpoint, ADocumentThatIsDeletedIsNotMissing) {
  struct Row {
    int status;
    std::string body;
    std::vector<size_t> missing;
  };
  const std::string there = R"({"id":"a","key":"a","value":{"rev":"1-x"}})";
  const std::string deleted = R"({"id":"b","key":"b","value":{"rev":"2-x","deleted":true}})";
  const std::string never = R"({"key":"c","error":"not_found"})";
  const std::string nor = R"({"key":"b","error":"not_found"})";
  const Row rows[] = {
      {200, "{\"rows\":[" + there + "," + deleted + "," + there + "]}", {}},
      {200, "{\"rows\":[" + there + "," + deleted + "," + never + "]}", {2}},
      {200, "{\"rows\":[" + never + "," + nor + "," + there + "]}", {1, 2}},
      // A row that nobody asked for was looked up in what had no place for it.
      {200, "{\"rows\":[" + there + "," + deleted + "," + there + "," + never + "]}", {}},
      {200, "{\"rows\":[" + never + "]}", {}},
      {200, R"({"rows":[{"key":"x","error":"not_found"},{"error":"not_found"},7]})", {}},
      {200, R"({"rows":[{"key":"c","error":"timeout"},7,{"key":9,"error":"not_found"}]})", {}},
      {200, R"({"rows":7})", {}},
      {200, "<html>log in</html>", {}},
      {404, "{\"rows\":[" + there + "," + deleted + "," + never + "]}", {}},
  };
  for (const Row& row : rows) {
    HttpReply reply;
    reply.status = row.status;
    reply.body = row.body;
    EXPECT_EQ(missing_documents(reply, {"a", "b", "c"}), row.missing) << row.body;
  }
}

// Whoever did that between two deliveries left a hole that nobody noticed.
TEST_F(CouchDbCheckpointTest, ADatabaseThatWasMadeAnewBetweenTwoDeliveriesHasAllThatItHad) {
  CouchDbOptions mine = options();
  mine.checkpoint_interval = Duration(0);
  CouchDbSink sink(mine, no_stop_);
  ASSERT_TRUE(sink.open().ok());
  ASSERT_TRUE(sink.deliver(std::span(script_).first(10), {kLog, 10}).ok());
  server_.ask("DELETE", "/events");
  server_.ask("PUT", "/events");
  const Delivery noticed = sink.deliver(std::span(script_).subspan(10), {kLog, script_.size()});
  EXPECT_EQ(noticed.fault, DeliveryFault::away);
  EXPECT_THAT(noticed.reason, HasSubstr("the database that had the events is gone (its note of how "
                                        "far it was filled is not there: it was made anew): every "
                                        "event is delivered again"));
  EXPECT_EQ(*sink.open(), (SinkPosition{kLog, 0}));
  EXPECT_THAT(run_script(sink).problems, ElementsAre());  // once
  expect_stored();
  EXPECT_EQ(sink.open()->cursor, script_.size());
}

// While the collector did not run, too.
TEST_F(CouchDbCheckpointTest, ADatabaseThatWasPutBackHasWhatItLacksDeliveredAgain) {
  const std::string note = "/events/_local/muster-" + std::string(kLog);
  json old;
  {
    CouchDbOptions mine = options();
    mine.checkpoint_interval = Duration(0);
    CouchDbSink sink(mine, no_stop_);
    ASSERT_TRUE(sink.open().ok());
    ASSERT_TRUE(sink.deliver(std::span(script_).first(10), {kLog, 10}).ok());
    old = json::parse(server_.ask("GET", note).body);
    EXPECT_EQ(old["cursor"], 10);
    EXPECT_EQ(old["log"], kLog);
    EXPECT_EQ(old["schema"], "muster.couchdb_checkpoint/1");
    ASSERT_TRUE(sink.deliver(std::span(script_).subspan(10), {kLog, script_.size()}).ok());
    EXPECT_EQ(json::parse(server_.ask("GET", note).body)["cursor"], script_.size());
  }
  // As a copy of then has it.
  for (const auto& [id, seq] : expected_ids()) {
    if (seq <= 10) continue;
    const json stored = json::parse(server_.ask("GET", "/events/" + id).body);
    server_.ask("DELETE", "/events/" + id + "?rev=" + stored["_rev"].get<std::string>());
  }
  old.erase("_rev");
  const json now = json::parse(server_.ask("GET", note).body);
  old["_rev"] = now["_rev"];
  ASSERT_EQ(server_.ask("PUT", note, old.dump()).status, 201);
  CouchDbSink sink(options(), no_stop_);
  ASSERT_EQ(sink.open()->cursor, script_.size());
  const std::vector<SequencedEvent> next = {
      {script_.size() + 1, {script_time(1), CancelRequested{kPassing, "", ""}}}};
  const Delivery noticed = sink.deliver(next, {kLog, next[0].seq});
  EXPECT_EQ(noticed.fault, DeliveryFault::away);
  EXPECT_THAT(noticed.reason, HasSubstr("has lost events that it had (it was put back to when it "
                                        "had the events up to 10): the events after 10 are "
                                        "delivered again"));
  EXPECT_EQ(*sink.open(), (SinkPosition{kLog, 10}));
  EXPECT_TRUE(sink.deliver(script_, {kLog, script_.size()}).ok());
}

// Or else a copy of a database that rests would have a note that is behind, for as long as it
// rests.
TEST_F(CouchDbCheckpointTest, TheNoteIsWrittenWhenTrafficRests) {
  const std::string note = "/events/_local/muster-" + std::string(kLog);
  CouchDbSink sink(options(), no_stop_);
  ASSERT_TRUE(sink.open().ok());
  ASSERT_TRUE(sink.deliver(std::span(script_).first(10), {kLog, 10}).ok());
  EXPECT_FALSE(sink.wants_rest()) << "the first delivery is noted at once";
  ASSERT_TRUE(sink.deliver(std::span(script_).subspan(10), {kLog, script_.size()}).ok());
  EXPECT_EQ(json::parse(server_.ask("GET", note).body)["cursor"], 10);
  ASSERT_TRUE(sink.wants_rest());
  EXPECT_TRUE(sink.rest().ok());
  EXPECT_FALSE(sink.wants_rest());
  EXPECT_EQ(json::parse(server_.ask("GET", note).body)["cursor"], script_.size());
}

// There was no second without an event, and no note.
TEST_F(CouchDbCheckpointTest, TheNoteIsWrittenAmongEventsThatAreNoDocuments) {
  const std::string note = "/events/_local/muster-" + std::string(kLog);
  CouchDbOptions mine = options();
  CouchDbSink sink(mine, no_stop_);
  ASSERT_TRUE(sink.open().ok());
  ASSERT_TRUE(sink.deliver(std::span(script_).first(10), {kLog, 10}).ok());
  ASSERT_TRUE(sink.deliver(std::span(script_).subspan(10), {kLog, script_.size()}).ok());
  EXPECT_EQ(json::parse(server_.ask("GET", note).body)["cursor"], 10);
  mine.checkpoint_interval = Duration(0);
  CouchDbSink later(mine, no_stop_);
  ASSERT_TRUE(later.open().ok());
  const std::vector<SequencedEvent> line = {
      {script_.size() + 1, {script_time(1), BrokerStarted{}}}};
  ASSERT_TRUE(later.deliver(line, {kLog, line[0].seq}).ok());
  EXPECT_EQ(json::parse(server_.ask("GET", note).body)["cursor"], line[0].seq);
  EXPECT_FALSE(later.wants_rest());
}

// It waited for the next document, for days in a lab that rests.
TEST_F(CouchDbCheckpointTest, ANoteThatIsNotTakenWhenTrafficRestsIsTriedAgain) {
  const std::string note = "/events/_local/muster-" + std::string(kLog);
  CouchDbOptions mine = options();
  mine.checkpoint_interval = Duration(0);
  server_.ask("PUT", "/events");
  server_.set_faults(R"([{"match":"^PUT /events/_local","status":503,"count":2}])");
  CouchDbSink sink(mine, no_stop_);
  ASSERT_TRUE(sink.open().ok());
  ASSERT_TRUE(sink.deliver(script_, {kLog, script_.size()}).ok());
  ASSERT_TRUE(sink.wants_rest());
  EXPECT_TRUE(sink.rest().ok());
  ASSERT_TRUE(sink.wants_rest()) << "its note was not taken";
  EXPECT_TRUE(sink.rest().ok());
  EXPECT_FALSE(sink.wants_rest());
  EXPECT_EQ(json::parse(server_.ask("GET", note).body)["cursor"], script_.size());
  // But not all the time.
  server_.set_faults(R"([{"match":"^PUT /events/_local","status":405,"count":9}])");
  CouchDbSink patient(options(), no_stop_);
  ASSERT_TRUE(patient.open().ok());
  const std::vector<SequencedEvent> next = {
      {script_.size() + 1, {script_time(1), CancelRequested{kPassing, "", ""}}}};
  ASSERT_TRUE(patient.deliver(next, {kLog, next[0].seq}).ok());
  EXPECT_FALSE(patient.wants_rest());
}

// The note alone does not tell: it is the same before and after.
TEST_F(CouchDbCheckpointTest, ACopyThatWasTakenBetweenTwoNotesHasWhatItLacksDeliveredAgain) {
  const auto swap_data = [&](const std::string& from, const std::string& to) {
    server_.kill_now();
    std::filesystem::remove_all(scratch_ / to);
    std::filesystem::copy(scratch_ / from, scratch_ / to, std::filesystem::copy_options::recursive);
    server_.start_again();
  };
  {
    CouchDbSink sink(options(), no_stop_);
    ASSERT_TRUE(sink.open().ok());
    ASSERT_TRUE(sink.deliver(std::span(script_).first(10), {kLog, 10}).ok());
    ASSERT_TRUE(sink.deliver(std::span(script_).subspan(10, 5), {kLog, 15}).ok());
    swap_data("data", "copy");
    ASSERT_TRUE(sink.deliver(std::span(script_).subspan(15), {kLog, script_.size()}).ok());
  }
  swap_data("copy", "data");
  CouchDbSink sink(options(), no_stop_);
  ASSERT_EQ(sink.open()->cursor, script_.size());
  ASSERT_TRUE(sink.wants_rest()) << "whether it is as it was left";
  const Delivery noticed = sink.rest();
  EXPECT_EQ(noticed.fault, DeliveryFault::away);
  EXPECT_THAT(noticed.reason, HasSubstr("has lost events that it had (the document log-a:"));
  EXPECT_EQ(*sink.open(), (SinkPosition{kLog, 10}));
  EXPECT_THAT(run_script(sink).problems, ElementsAre());  // once
  expect_stored();
}

TEST_F(CouchDbCheckpointTest, WhatAConsumerHasDeletedIsNotMissed) {
  {
    CouchDbSink sink(options(), no_stop_);
    ASSERT_TRUE(sink.open().ok());
    ASSERT_TRUE(sink.deliver(script_, {kLog, script_.size()}).ok());
  }
  for (const auto& [id, seq] : expected_ids()) {
    const json stored = json::parse(server_.ask("GET", "/events/" + id).body);
    server_.ask("DELETE", "/events/" + id + "?rev=" + stored["_rev"].get<std::string>());
  }
  CouchDbSink sink(options(), no_stop_);
  ASSERT_EQ(sink.open()->cursor, script_.size());
  EXPECT_TRUE(sink.rest().ok());
  EXPECT_EQ(sink.open()->cursor, script_.size());
}

// A request more each time would be a tenth of the rate.
TEST_F(CouchDbCheckpointTest, TheNoteOfHowFarItWasFilledCostsTwoRequestsNowAndThen) {
  CouchDbSink sink(options(), no_stop_);
  ASSERT_TRUE(sink.open().ok());
  for (size_t n = 1; n <= 10; ++n) {
    ASSERT_TRUE(sink.deliver(std::span(script_).subspan(2 * n, 2), {kLog, 2 * n + 2}).ok());
  }
  size_t notes = 0;
  for (const std::string& request : server_.requests())
    notes += request.find("/_local/muster-") != request.npos;
  EXPECT_LE(notes, 3u);  // it takes longer than ten seconds on a machine that stands still
  EXPECT_GE(notes, 2u);
}

// What a proxy or another user's rules do not let through holds up no document.
TEST_F(CouchDbCheckpointTest, ANoteThatIsNotTakenHoldsUpNothing) {
  server_.ask("PUT", "/events");
  server_.set_faults(R"([{"match":"^PUT /events/_local","status":405,"count":2}])");
  CouchDbOptions mine = options();
  mine.checkpoint_interval = Duration(0);
  CouchDbSink sink(mine, no_stop_);
  EXPECT_THAT(run_script(sink).problems, ElementsAre());
  expect_stored();
  EXPECT_EQ(server_.faults_left(), 1u);
  // And one that cannot be read says nothing of the database.
  server_.set_faults(R"([{"match":"^GET /events/_local","status":503,"count":1}])");
  ASSERT_TRUE(sink.rewind({kLog, 0}).ok());
  ASSERT_TRUE(sink.open().ok());
  const Delivery unknown = sink.deliver(script_, {kLog, script_.size()});
  EXPECT_EQ(unknown.fault, DeliveryFault::away);
  EXPECT_THAT(unknown.reason, HasSubstr("does not say how far it was filled: 503"));
  EXPECT_EQ(*sink.open(), (SinkPosition{kLog, 0}));
  EXPECT_TRUE(sink.deliver(script_, {kLog, script_.size()}).ok());
}

// It said that the whole database was gone, and delivered everything again; a log that begins later
// does not have that, and the sink stood still.
TEST_F(CouchDbCheckpointTest, OneDocumentThatIsMissingIsNotTheWholeDatabaseWhereNoNoteIsTaken) {
  server_.ask("PUT", "/events");
  json faults = {{{"match", "^PUT /events/_local"}, {"status", 405}, {"count", 99}}};
  server_.set_faults(faults.dump());
  CouchDbSink sink(options(), no_stop_);
  ASSERT_TRUE(sink.open().ok());
  ASSERT_TRUE(sink.deliver(script_, {kLog, script_.size()}).ok());
  const std::map<std::string, uint64_t> ids = expected_ids();
  ASSERT_LE(ids.size(), 64u);
  const auto [id, seq] = *std::next(ids.begin(), 5);
  // As it says after a purge, which this server does not know.
  json rows = json::array();
  for (const auto& [key, _] : ids) {
    rows.push_back(key == id ? json{{"key", key}, {"error", "not_found"}}
                             : json{{"id", key}, {"key", key}, {"value", {{"rev", "1-x"}}}});
  }
  faults.push_back({{"match", "^POST /events/_all_docs"},
                    {"status", 200},
                    {"body", {{"rows", rows}}},
                    {"count", 1}});
  server_.set_faults(faults.dump());
  ASSERT_EQ(sink.open()->cursor, script_.size());
  const Delivery noticed = sink.rest();
  EXPECT_EQ(noticed.fault, DeliveryFault::away);
  EXPECT_THAT(noticed.reason, HasSubstr("has lost events that it had (the document " + id +
                                        " is not there): the events after " +
                                        std::to_string(seq - 1) + " are delivered again"));
  EXPECT_EQ(*sink.open(), (SinkPosition{kLog, seq - 1}));
  EXPECT_THAT(run_script(sink).problems, ElementsAre());  // once
  expect_stored();
}

// Where all of them are missing it is another database, and nobody knows what else is.
TEST_F(CouchDbCheckpointTest, ADatabaseWithoutANoteThatHasNoneOfThemHasEverythingAgain) {
  server_.ask("PUT", "/events");
  server_.set_faults(R"([{"match":"^PUT /events/_local","status":405,"count":99}])");
  CouchDbSink sink(options(), no_stop_);
  ASSERT_TRUE(sink.open().ok());
  ASSERT_TRUE(sink.deliver(script_, {kLog, script_.size()}).ok());
  server_.ask("DELETE", "/events");
  server_.ask("PUT", "/events");
  ASSERT_EQ(sink.open()->cursor, script_.size());
  EXPECT_THAT(sink.rest().reason, HasSubstr("every event is delivered again"));
  EXPECT_EQ(*sink.open(), (SinkPosition{kLog, 0}));
  EXPECT_THAT(run_script(sink).problems, ElementsAre());
  expect_stored();
}

// Two homes that collect one log into one database: the one that is behind pulls nobody back.
TEST_F(CouchDbCheckpointTest, ACollectorThatIsBehindLeavesAnothersNoteAlone) {
  CouchDbOptions mine = options();
  mine.checkpoint_interval = Duration(0);
  CouchDbOptions others = mine;
  others.cursor_file = scratch_ / "others.cursor";
  CouchDbSink sink(mine, no_stop_);
  CouchDbSink behind(others, no_stop_);
  ASSERT_TRUE(sink.open().ok() && behind.open().ok());
  ASSERT_TRUE(sink.deliver(std::span(script_).first(20), {kLog, 20}).ok());
  ASSERT_TRUE(behind.deliver(std::span(script_).first(10), {kLog, 10}).ok());
  ASSERT_TRUE(sink.deliver(std::span(script_).subspan(20, 5), {kLog, 25}).ok());
  ASSERT_TRUE(behind.deliver(std::span(script_).subspan(10), {kLog, script_.size()}).ok());
  ASSERT_TRUE(sink.deliver(std::span(script_).subspan(25), {kLog, script_.size()}).ok());
  expect_stored();
}

}  // namespace
}  // namespace muster
