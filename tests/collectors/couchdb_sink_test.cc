// The couchdb sink against a server process, with what goes wrong between the two.
#include "collectors/couchdb_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/collectors/couchdb_kit.h"
#include "tests/support/house.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(CouchDbSinkTest, MakesTheDatabaseItsIndexAndADocumentOfEachEvent) {
  CouchDbSink sink(options(), no_stop_);
  const Journey done = run_script(sink);
  EXPECT_THAT(done.problems, ElementsAre());
  expect_stored();
  EXPECT_EQ(sink.open()->cursor, script_.size());
  // Who asks for a task's documents is served by the index.
  const HttpReply found =
      server_.ask("POST", "/events/_find",
                  json{{"selector", {{"guid", kRetried}}}, {"use_index", "muster"}}.dump());
  ASSERT_EQ(found.status, 200) << found.body;
  size_t count = 0;
  for (const SequencedEvent& at : script_) count += event_guid(at.event) == kRetried;
  EXPECT_EQ(json::parse(found.body)["docs"].size(), count);
  const json indexes = json::parse(server_.ask("GET", "/events/_index").body);
  EXPECT_THAT(indexes.dump(), HasSubstr("by-guid"));
}

TEST_F(CouchDbSinkTest, EveryFailureThatPassesLosesNothing) {
  const char* const faults[] = {
      R"({"status":503,"count":2})",
      R"({"status":429,"headers":{"Retry-After":"0"},"count":1})",
      R"({"status":500,"body":{"error":"timeout","reason":"x"},"count":1})",
      R"({"status":500,"when":"after","count":2})",  // it was stored all the same
      R"({"status":502,"body":"<html>no</html>","count":1})",
      R"({"status":200,"body":"<html>log in</html>","count":1})",
      R"({"status":507,"headers":{"Retry-After":"0"},"count":1})",
      R"({"status":401,"count":1})",
      R"({"status":403,"count":1})",
      R"({"when":"cut-before","count":2})",
      R"({"when":"cut-after","count":2})",  // its answer is lost
      R"({"status":415,"count":1})",
      R"({"status":413,"body":{"error":"too_large","reason":"x"},"count":3})",
      R"({"status":400,"body":{"error":"illegal_database_name","reason":"x"},"count":1})",
  };
  int number = 0;
  for (const char* fault : faults) {
    SCOPED_TRACE(fault);
    CouchDbOptions mine = options();
    mine.cursor_file = scratch_ / ("cursor" + std::to_string(++number));
    server_.ask("DELETE", "/events");
    server_.ask("PUT", "/events");
    json rule = json::parse(fault);
    rule["match"] = "^POST /events/_bulk_docs";
    server_.set_faults(json::array({rule}).dump());
    CouchDbSink sink(mine, no_stop_);
    RunnerKit kit;
    kit.clock.step = 1s;
    std::vector<Event> events;
    for (const SequencedEvent& at : script_) events.push_back(at.event);
    const auto answer = blocks(script_.size(), {encode_block(1, events)}, kLog);
    const Journey done = run(sink, {answer, answer, answer, answer}, kit);
    EXPECT_TRUE(done.letters.empty());
    EXPECT_EQ(server_.faults_left(), 0u);
    expect_stored();
    EXPECT_EQ(sink.open()->cursor, script_.size());
  }
}

// It was made anew, and what was there before stayed missing; so did its index.
TEST_F(CouchDbSinkTest, ADatabaseThatVanishesIsMadeAgainWithAllThatItHad) {
  CouchDbSink sink(options(), no_stop_);
  ASSERT_TRUE(sink.open().ok());
  ASSERT_TRUE(sink.deliver(std::span(script_).first(10), {kLog, 10}).ok());
  server_.ask("DELETE", "/events");
  const Journey done = run_script(sink, 2);
  ASSERT_EQ(done.problems.size(), 1u);
  EXPECT_THAT(done.problems[0], HasSubstr("the database that had the events is gone"));
  EXPECT_THAT(done.problems[0], HasSubstr("every event is delivered again"));
  expect_stored();
  EXPECT_EQ(sink.open()->cursor, script_.size());
  EXPECT_THAT(server_.ask("GET", "/events/_index").body, HasSubstr("by-guid"));
}

// The cursor goes back before anybody else makes the database.
TEST_F(CouchDbSinkTest, ADatabaseThatAnAdministratorMakesAnewHasAllThatItHad) {
  CouchDbOptions mine = options();
  mine.create = false;
  server_.ask("PUT", "/events");
  CouchDbSink sink(mine, no_stop_);
  ASSERT_TRUE(sink.open().ok());
  ASSERT_TRUE(sink.deliver(std::span(script_).first(10), {kLog, 10}).ok());
  server_.ask("DELETE", "/events");
  const Delivery missing = sink.deliver(std::span(script_).subspan(10), {kLog, script_.size()});
  EXPECT_EQ(missing.fault, DeliveryFault::away);
  server_.ask("PUT", "/events");
  EXPECT_EQ(*sink.open(), (SinkPosition{kLog, 0}));
  run_script(sink);
  expect_stored();
}

// One failure, and there was no index until the collector was started again.
TEST_F(CouchDbSinkTest, AnIndexThatCannotBeMadeNowIsMadeLater) {
  server_.set_faults(R"([{"match":"^POST /events/_index","status":503,"count":2}])");
  CouchDbSink sink(options(), no_stop_);
  ASSERT_TRUE(sink.open().ok());
  ASSERT_TRUE(sink.deliver(std::span(script_).first(10), {kLog, 10}).ok());
  EXPECT_EQ(server_.faults_left(), 0u);
  EXPECT_THAT(server_.ask("GET", "/events/_index").body, Not(HasSubstr("by-guid")));
  ASSERT_TRUE(sink.deliver(std::span(script_).subspan(10), {kLog, script_.size()}).ok());
  EXPECT_THAT(server_.ask("GET", "/events/_index").body, HasSubstr("by-guid"));
}

TEST_F(CouchDbSinkTest, AUserWhoMayNotMakeTheDatabaseSaysWhatIsMissing) {
  CouchDbOptions mine = options();
  mine.user = "pusher";
  mine.password = "pw";
  mine.login_pause = 5min;
  CouchDbSink sink(mine, no_stop_);
  ASSERT_TRUE(sink.open().ok());
  const Delivery missing = sink.deliver(script_, {kLog, script_.size()});
  EXPECT_EQ(missing.fault, DeliveryFault::away);
  EXPECT_THAT(missing.reason, HasSubstr("cannot be made: 401 unauthorized"));
  EXPECT_THAT(missing.reason, HasSubstr(server_.url() + "/events"));
  EXPECT_THAT(missing.reason, Not(HasSubstr(".;")));
  EXPECT_EQ(missing.retry_after, mine.login_pause);

  server_.ask("PUT", "/events");
  ASSERT_TRUE(sink.open().ok());
  const Delivery stranger = sink.deliver(script_, {kLog, script_.size()});
  EXPECT_EQ(stranger.fault, DeliveryFault::away);
  EXPECT_THAT(stranger.reason, HasSubstr("does not let pusher write: 403 forbidden"));
  EXPECT_EQ(stranger.retry_after, mine.login_pause);

  server_.ask("PUT", "/events/_security",
              R"({"members":{"names":["pusher"]},"admins":{"roles":["_admin"]}})");
  ASSERT_TRUE(sink.open().ok());
  EXPECT_TRUE(stranger.until_order);
  // It may not make the index. Where an administrator has, nothing is said of it.
  server_.ask("POST", "/events/_index",
              R"({"index":{"fields":["guid","time_stamp"]},"ddoc":"muster","name":"by-guid"})");
  ::testing::internal::CaptureStdout();
  EXPECT_TRUE(sink.deliver(script_, {kLog, script_.size()}).ok());
  EXPECT_THAT(::testing::internal::GetCapturedStdout(), Not(HasSubstr("no index")));
  expect_stored();
}

TEST_F(CouchDbSinkTest, AWrongPasswordIsNotTriedAgainAtOnceAndNeverSaid) {
  CouchDbOptions mine = options();
  mine.password = "not-the-password";
  mine.login_pause = 5min;
  CouchDbSink sink(mine, no_stop_);
  ASSERT_TRUE(sink.open().ok());
  const Delivery denied = sink.deliver(script_, {kLog, script_.size()});
  EXPECT_EQ(denied.fault, DeliveryFault::away);
  EXPECT_EQ(denied.retry_after, Duration(5min));
  EXPECT_THAT(denied.reason, HasSubstr("401 unauthorized"));
  EXPECT_THAT(denied.reason, Not(HasSubstr("not-the-password")));
  EXPECT_THAT(sink.place(), Not(HasSubstr("not-the-password")));
}

// All was well until the first event of a task came, hours later.
TEST_F(CouchDbSinkTest, WhatIsWrongWithThePlaceIsSeenBeforeThereIsADocument) {
  const std::vector<SequencedEvent> events = number_events({BrokerStarted{1, "0.1"}});
  CouchDbOptions wrong = options();
  wrong.password = "not-the-password";
  wrong.login_pause = 5min;
  CouchDbSink denied(wrong, no_stop_);
  ASSERT_TRUE(denied.open().ok());
  Delivery delivery = denied.deliver(events, {kLog, 1});
  EXPECT_THAT(delivery.reason, HasSubstr("401 unauthorized"));
  EXPECT_EQ(delivery.retry_after, Duration(5min));

  CouchDbOptions careful = options();
  careful.create = false;
  CouchDbSink absent(careful, no_stop_);
  ASSERT_TRUE(absent.open().ok());
  delivery = absent.deliver(events, {kLog, 1});
  EXPECT_THAT(delivery.reason, HasSubstr("there is no such database"));
}

TEST_F(CouchDbSinkTest, ThePlaceIsLookedAtAfterAStartThoughNothingComes) {
  const std::vector<SequencedEvent> events = number_events({BrokerStarted{1, "0.1"}});
  CouchDbSink first(options(), no_stop_);
  ASSERT_TRUE(first.open().ok());
  ASSERT_TRUE(first.deliver(events, {kLog, 1}).ok());
  EXPECT_FALSE(first.wants_rest());

  CouchDbOptions wrong = options();
  wrong.password = "not-the-password";
  CouchDbSink denied(wrong, no_stop_);
  ASSERT_TRUE(denied.open().ok());
  EXPECT_TRUE(denied.wants_rest());
  EXPECT_THAT(denied.rest().reason, HasSubstr("401 unauthorized"));

  server_.ask("DELETE", "/events");
  ASSERT_TRUE(first.open().ok());
  EXPECT_TRUE(first.rest().ok());
  EXPECT_EQ(server_.ask("GET", "/events").status, 200) << "nothing was in it: it is made again";
  EXPECT_FALSE(first.wants_rest());
}

// --- poison ---------------------------------------------------------------------------------

TEST_F(CouchDbSinkTest, WhatTheDatabasesRulesForbidIsBuried) {
  server_.ask("PUT", "/events");
  server_.ask(
      "PUT", "/events/_design/rules",
      json{{"validate_doc_update",
            "function(d){if(d.type=='cancel_requested')throw({forbidden:'no such thing'})}"}}
          .dump());
  std::set<uint64_t> forbidden;
  for (const SequencedEvent& at : script_) {
    if (event_type(at.event) == "cancel_requested") forbidden.insert(at.seq);
  }
  ASSERT_FALSE(forbidden.empty());
  CouchDbSink sink(options(), no_stop_);
  const Journey done = run_script(sink);
  expect_stored(forbidden);
  std::set<uint64_t> buried;
  for (const auto& [seq, answer] : done.letters) {
    buried.insert(seq);
    EXPECT_EQ(answer, "forbidden: no such thing");
  }
  EXPECT_EQ(buried, forbidden);
  EXPECT_EQ(sink.open()->cursor, script_.size());

  // The rules are changed, and the letters are tried again.
  const json rules = json::parse(server_.ask("GET", "/events/_design/rules").body);
  server_.ask("DELETE", "/events/_design/rules?rev=" + rules["_rev"].get<std::string>());
  for (const uint64_t seq : forbidden) {
    const auto letter = kit_.letters.read(seq);
    ASSERT_TRUE(letter.ok()) << letter.error();
    EXPECT_EQ(letter->log_id, kLog);
    EXPECT_EQ(letter->event.event, script_[seq - 1].event);
    for (int i = 0; i < 2; ++i) {  // a repeat is harmless
      EXPECT_TRUE(sink.deliver_again({&letter->event, 1}, letter->log_id).ok());
    }
  }
  expect_stored();
}

TEST_F(CouchDbSinkTest, ADocumentThatIsTooLargeIsBuried) {
  script_[9].event.body = CancelRequested{kPassing, std::string(30'000, 'x'), ""};
  CouchDbSink sink(options(), no_stop_);
  const Journey done = run_script(sink);
  ASSERT_EQ(done.letters.size(), 1u);
  EXPECT_THAT(done.letters.at(10), HasSubstr("413 document_too_large"));
  expect_stored({10});
}

// The server says only that something in the batch is wrong.
TEST_F(CouchDbSinkTest, ABatchThatIsRefusedIsHalved) {
  server_.ask("PUT", "/events");
  server_.set_faults(R"([{"match":"^POST /events/_bulk_docs","status":400,"count":4,)"
                     R"("body":{"error":"bad_request","reason":"invalid UTF-8 JSON"}}])");
  // The first four tries are refused: the whole, a half, a quarter, an eighth.
  CouchDbSink sink(options(), no_stop_);
  const Journey done = run_script(sink);
  EXPECT_TRUE(done.letters.empty());
  expect_stored();
}

// A rule that fails in itself, for one document: CouchDB stood still for ever.
TEST_F(CouchDbSinkTest, ADocumentThatFailsAgainAndAgainBesideOthersIsRefused) {
  server_.ask("PUT", "/events");
  CouchDbOptions mine = options();
  mine.item_tries_max = 3;
  const std::vector<SequencedEvent> events =
      number_events({CancelRequested{kPassing, "", ""}, CancelRequested{kRetried, "", ""}});
  const auto item = [](uint64_t seq, bool good) {
    json answer = {{"id", couchdb_id(kLog, seq)}};
    answer.update(good ? json{{"ok", true}, {"rev", "1-a"}}
                       : json{{"error", "unknown_error"}, {"reason", "undefined"}});
    return answer;
  };
  const auto answer_with = [&](bool first_good) {
    const json items = {item(1, first_good), item(2, false)};
    server_.set_faults(
        json::array({{{"match", "^POST /events/_bulk_docs"}, {"status", 201}, {"body", items}}})
            .dump());
  };
  CouchDbSink sink(mine, no_stop_);
  const auto deliver = [&] {
    EXPECT_TRUE(sink.open().ok());
    return sink.deliver(events, {kLog, 2});
  };
  answer_with(false);  // nothing is stored: it is CouchDB that fails
  for (int i = 0; i < 5; ++i) EXPECT_EQ(deliver().fault, DeliveryFault::away);
  answer_with(true);
  for (int i = 0; i < 2; ++i) {
    const Delivery delivery = deliver();
    EXPECT_EQ(delivery.fault, DeliveryFault::away);
    EXPECT_THAT(delivery.reason, HasSubstr("did not take 1 of 2 documents, of event 2 first"));
  }
  const Delivery refused = deliver();
  EXPECT_EQ(refused.fault, DeliveryFault::refused);
  EXPECT_THAT(refused.refusals, ElementsAre(Refusal{2, "unknown_error: undefined (3 times)"}));
}

// What a proxy says of one document cut everything down to 8 KiB at a time, until a restart.
TEST_F(CouchDbSinkTest, ABatchThatIsTooLargeMakesTheNextOnesSmallerForAWhile) {
  server_.ask("PUT", "/events");
  CouchDbSink sink(options(), no_stop_);
  const size_t usual = sink.limits().bytes_max;
  // The whole, a half, a quarter: one batch.
  server_.set_faults(R"([{"match":"^POST /events/_bulk_docs","status":413,"count":3,)"
                     R"("body":"<html>Request Entity Too Large</html>"}])");
  const Journey done = run_script(sink);
  EXPECT_TRUE(done.letters.empty());
  expect_stored();
  EXPECT_EQ(sink.limits().bytes_max, usual / 2);
  // Of a single document it says nothing.
  server_.set_faults(R"([{"match":"^POST /events/_bulk_docs","status":413,"count":1}])");
  EXPECT_EQ(sink.deliver_again({&script_[3], 1}, kLog).fault, DeliveryFault::refused);
  EXPECT_EQ(sink.limits().bytes_max, usual / 2);
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(sink.deliver_again({&script_[3], 1}, kLog).ok());
  EXPECT_EQ(sink.limits().bytes_max, usual);
}

// --- conflicts ------------------------------------------------------------------------------

// The rows of an answer about `seqs`, as CouchDB gives them, and in another order.
json rows_of(const std::vector<uint64_t>& seqs, const std::function<json(uint64_t)>& row) {
  json rows = json::array();
  for (const uint64_t seq : seqs) {
    json one = row(seq);
    one["key"] = couchdb_id(kLog, seq);
    rows.insert(rows.begin(), one);
  }
  return {{"total_rows", rows.size()}, {"offset", 0}, {"rows", rows}};
}

// "It is there" and then "it is not" was taken for "it was deleted", which was success.
TEST_F(CouchDbSinkTest, AConflictIsASuccessOnlyWhenTheDocumentIsSeen) {
  const std::vector<SequencedEvent> events =
      number_events({CancelRequested{kPassing, "", ""}, CancelRequested{kRetried, "", ""}});
  const SinkPosition end{kLog, 2};
  const auto shown = [&](uint64_t seq) {
    return json{{"doc", json::parse(couchdb_document(kLog, events[seq - 1]))}};
  };
  const auto deleted = [](uint64_t) {
    return json{{"value", {{"rev", "2-a"}, {"deleted", true}}}, {"doc", nullptr}};
  };
  const auto missing = [](uint64_t) { return json{{"error", "not_found"}}; };
  struct Row {
    json answer;
    DeliveryFault fault;
  };
  const Row rows[] = {
      {rows_of({1, 2}, shown), DeliveryFault::none},
      {rows_of({1, 2}, deleted), DeliveryFault::none},
      {rows_of({1, 2}, missing), DeliveryFault::away},
      {rows_of({1}, shown), DeliveryFault::away},
      {rows_of({1, 3}, deleted), DeliveryFault::away},  // another key
      {rows_of({}, shown), DeliveryFault::away},
      {{{"rows", {1, nullptr}}}, DeliveryFault::away},
      {{{"rows", 7}}, DeliveryFault::away},
      {rows_of({1, 2},
               [](uint64_t) {
                 return json{{"doc", {{"guid", "x"}}}};
               }),
       DeliveryFault::refused},
  };
  {
    CouchDbSink sink(options(), no_stop_);
    ASSERT_TRUE(sink.open().ok());
    ASSERT_TRUE(sink.deliver(events, end).ok());
  }
  for (const Row& row : rows) {
    SCOPED_TRACE(row.answer.dump());
    server_.set_faults(json::array({{{"match", "^POST /events/_all_docs"},
                                     {"status", 200},
                                     {"body", row.answer},
                                     {"count", 1}}})
                           .dump());
    CouchDbSink sink(options(), no_stop_);
    ASSERT_TRUE(sink.rewind({kLog, 0}).ok());
    ASSERT_TRUE(sink.open().ok());
    EXPECT_EQ(sink.deliver(events, end).fault, row.fault);
    EXPECT_EQ(server_.faults_left(), 0u);
    if (row.fault != DeliveryFault::none) {
      ASSERT_TRUE(sink.open().ok());
      EXPECT_TRUE(sink.deliver(events, end).ok());  // it is shown now
    }
  }
}

// What consumers add may make an answer longer than we take: then it never came to an end.
TEST_F(CouchDbSinkTest, DocumentsThatHaveGrownAreLookedAtInParts) {
  CouchDbOptions mine = options();
  mine.shown_bytes_max = 6'000;
  {
    CouchDbSink sink(mine, no_stop_);
    run_script(sink);
  }
  const std::string id = couchdb_id(kLog, 5);
  json stored = json::parse(server_.ask("GET", "/events/" + id).body);
  stored["seen"] = std::string(8'000, 'x');
  ASSERT_EQ(server_.ask("PUT", "/events/" + id, stored.dump()).status, 201);
  CouchDbSink sink(mine, no_stop_);
  ASSERT_TRUE(sink.rewind({kLog, 0}).ok());
  RunnerKit kit;
  kit.clock.step = 1s;
  std::vector<Event> events;
  for (const SequencedEvent& at : script_) events.push_back(at.event);
  const Journey done = run(sink, {blocks(script_.size(), {encode_block(1, events)}, kLog)}, kit);
  EXPECT_EQ(sink.open()->cursor, script_.size());
  ASSERT_EQ(done.letters.size(), 1u);  // the one that no part is short enough for
  EXPECT_THAT(done.letters.at(5), HasSubstr("too long to be looked at"));
}

TEST_F(CouchDbSinkTest, AnothersDocumentUnderOurIdIsNoSuccess) {
  server_.ask("PUT", "/events");
  const std::string id = couchdb_id(kLog, 5);
  server_.ask("PUT", "/events/" + id, R"({"guid":"somebody's"})");
  CouchDbSink sink(options(), no_stop_);
  const Journey done = run_script(sink);
  ASSERT_EQ(done.letters.size(), 1u);
  EXPECT_THAT(done.letters.at(5), HasSubstr("is another event's document"));
  const std::map<std::string, json> documents = server_.documents("events");
  EXPECT_EQ(documents.at(id)["guid"], "somebody's");
  EXPECT_EQ(documents.size(), expected_ids().size());
}

TEST_F(CouchDbSinkTest, WhatAConsumerAddsIsKept) {
  {
    CouchDbSink sink(options(), no_stop_);
    run_script(sink);
  }
  const std::string id = couchdb_id(kLog, 5);
  json stored = json::parse(server_.ask("GET", "/events/" + id).body);
  stored["seen"] = true;
  ASSERT_EQ(server_.ask("PUT", "/events/" + id, stored.dump()).status, 201);
  CouchDbSink sink(options(), no_stop_);
  ASSERT_TRUE(sink.rewind({kLog, 0}).ok());
  RunnerKit kit;
  kit.clock.step = 1s;
  std::vector<Event> events;
  for (const SequencedEvent& at : script_) events.push_back(at.event);
  const Journey done = run(sink, {blocks(script_.size(), {encode_block(1, events)}, kLog)}, kit);
  EXPECT_TRUE(done.letters.empty());
  EXPECT_EQ(server_.documents("events").at(id)["seen"], true);
  EXPECT_EQ(sink.open()->cursor, script_.size());
}

// --- the rest -------------------------------------------------------------------------------

TEST_F(CouchDbSinkTest, AServerThatIsKilledIsWaitedFor) {
  CouchDbSink sink(options(), no_stop_);
  ASSERT_TRUE(sink.open().ok());
  ASSERT_TRUE(sink.deliver(std::span(script_).first(10), {kLog, 10}).ok());
  server_.kill_now();
  EXPECT_EQ(sink.deliver(std::span(script_).subspan(10), {kLog, script_.size()}).fault,
            DeliveryFault::away);
  server_.start_again();
  EXPECT_EQ(sink.open()->cursor, 10u);
  ASSERT_TRUE(sink.deliver(std::span(script_).subspan(10), {kLog, script_.size()}).ok());
  expect_stored();
}

TEST_F(CouchDbSinkTest, AStopGivesUpTheRequestUnderWay) {
  server_.ask("PUT", "/events");
  server_.set_faults(R"([{"match":"^POST /events/_bulk_docs","status":503,"delay":60000}])");
  CouchDbSink sink(options(), kit_.stop);
  ASSERT_TRUE(sink.open().ok());
  std::jthread person([&] {
    const auto is_under_way = [&] {
      const std::vector<std::string> seen = server_.requests();
      return std::any_of(seen.begin(), seen.end(), [](const std::string& request) {
        return request.starts_with("POST /events/_bulk_docs");
      });
    };
    EXPECT_TRUE(eventually(is_under_way));
    kit_.stop.raise();
  });
  const Delivery delivery = sink.deliver(script_, {kLog, script_.size()});
  EXPECT_EQ(delivery.fault, DeliveryFault::away);
  EXPECT_THAT(delivery.reason, HasSubstr("stopped"));
}

TEST_F(CouchDbSinkTest, EventsWithoutAGuidAreNotItsBusiness) {
  CouchDbSink sink(options(), no_stop_);
  ASSERT_TRUE(sink.open().ok());
  const std::vector<SequencedEvent> events =
      number_events({WorkerLost{"bench", 1, "gone"}, BrokerStarted{1, "0.1"}});
  ASSERT_TRUE(sink.deliver(events, {kLog, 2}).ok());
  EXPECT_EQ(sink.open()->cursor, 2u);
  EXPECT_TRUE(server_.documents("events").empty());
  ASSERT_TRUE(sink.deliver(events, {kLog, 3}).ok());  // opened anew, it looks at the place
  const size_t requests = server_.requests().size();
  ASSERT_TRUE(sink.deliver(events, {kLog, 4}).ok());
  EXPECT_EQ(server_.requests().size(), requests);  // not a word
}

// The cursor was beyond them, and the database that had never been made was said to be gone.
TEST_F(CouchDbSinkTest, EventsWithoutAGuidComeBeforeTheDatabaseIsMade) {
  CouchDbSink sink(options(), no_stop_);
  ASSERT_TRUE(sink.open().ok());
  const auto first = std::find_if(script_.begin(), script_.end(), [](const SequencedEvent& at) {
    return !event_guid(at.event).empty();
  });
  const auto head = static_cast<size_t>(first - script_.begin());
  ASSERT_GT(head, 0u);
  ASSERT_TRUE(sink.deliver(std::span(script_).first(head), {kLog, head}).ok());
  const Delivery delivery = sink.deliver(script_, {kLog, script_.size()});
  EXPECT_TRUE(delivery.ok()) << delivery.reason;
  expect_stored();
}

TEST_F(CouchDbSinkTest, AnotherDatabaseBeginsAtTheBeginning) {
  CouchDbSink sink(options(), no_stop_);
  run_script(sink);
  CouchDbOptions other = options();
  other.db = "other$place+1";
  CouchDbSink second(other, no_stop_);
  EXPECT_EQ(*second.open(), SinkPosition());
  const Delivery delivery = second.deliver(script_, {kLog, script_.size()});
  ASSERT_TRUE(delivery.ok()) << delivery.reason;
  EXPECT_EQ(server_.documents("other%24place%2B1").size(), expected_ids().size());
}

TEST_F(CouchDbSinkTest, ADamagedCursorIsSaid) {
  for (const char* text : {"", "nonsense", "{}", R"({"place":"x","log":7,"cursor":1})"}) {
    ASSERT_TRUE(write_file_atomically(scratch_ / "couchdb.cursor", text).ok());
    CouchDbSink sink(options(), no_stop_);
    const Result<SinkPosition> position = sink.open();
    ASSERT_FALSE(position.ok());
    EXPECT_THAT(position.error(), HasSubstr("couchdb.cursor: is damaged; remove it"));
  }
}

// The same documents went out again and again.
TEST_F(CouchDbSinkTest, AnAnswerToDocumentsThatIsTooLongIsMadeShorterByFewerOfThem) {
  CouchDbOptions mine = options();
  mine.bulk_reply_max = 500;
  CouchDbSink sink(mine, no_stop_);
  const Journey done = run_script(sink);
  EXPECT_TRUE(done.problems.empty());
  EXPECT_TRUE(done.letters.empty());
  expect_stored();
}

}  // namespace
}  // namespace muster
