#include "collectors/couchdb_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

const std::vector<std::string> kIds = {"log:1", "log:2", "log:3"};
const Instant kNow = from_us(1'790'000'000'000'000);  // 2026-09-21T14:13:20Z

HttpReply reply(int status, std::string body, std::map<std::string, std::string> headers = {}) {
  HttpReply reply;
  reply.status = status;
  reply.body = std::move(body);
  reply.headers = std::move(headers);
  return reply;
}

std::string error_body(const std::string& error, const std::string& reason = "because") {
  return R"({"error":")" + error + R"(","reason":")" + reason + "\"}\n";
}

CouchAnswer read(const HttpReply& answer) { return read_bulk_answer(answer, kIds, kNow); }

TEST(CouchDbAnswer, OfAWholeRequest) {
  struct Row {
    int status;
    std::string body;
    CouchAct act;
  };
  const std::string html = "<html><body>Bad Request</body></html>";
  const Row rows[] = {
      {400, error_body("bad_request", "invalid UTF-8 JSON"), CouchAct::refused},
      {400, error_body("illegal_docid"), CouchAct::refused},
      {400, error_body("doc_validation"), CouchAct::refused},
      {400, error_body("illegal_partition"), CouchAct::refused},
      {400, error_body("illegal_database_name"), CouchAct::away},  // our configuration's fault
      {400, html, CouchAct::away},                                 // a proxy condemns no event
      {400, "", CouchAct::away},
      {400, R"({"error":["bad_request"]})", CouchAct::away},
      {401, error_body("unauthorized"), CouchAct::locked_out},
      {401, html, CouchAct::locked_out},
      {403, error_body("forbidden", "Account is temporarily locked"), CouchAct::locked_out},
      {403, html, CouchAct::locked_out},
      {403, error_body("partition_overflow"), CouchAct::away},  // nobody's fault but our own
      {404, error_body("not_found", "Database does not exist."), CouchAct::no_database},
      {404, html, CouchAct::away},  // another server: no database is made there
      {404, error_body("nolb"), CouchAct::away},
      {409, error_body("conflict"), CouchAct::away},
      {412, error_body("file_exists"), CouchAct::away},
      {413, error_body("too_large"), CouchAct::too_large},
      {413, html, CouchAct::too_large},  // nginx says it so
      {415, error_body("bad_content_type"), CouchAct::wrong_encoding},
      {417, "[]", CouchAct::away},
      {429, "", CouchAct::away},
      {500, error_body("timeout"), CouchAct::away},
      {500, error_body("internal_server_error"), CouchAct::away},
      {502, html, CouchAct::away},
      {503, error_body("service_unavailable"), CouchAct::away},
      {504, html, CouchAct::away},
      {507, error_body("insufficent_storage"), CouchAct::away},
      {200, html, CouchAct::away},  // a page to log in at
      {301, "", CouchAct::away},
      {204, "", CouchAct::away},
  };
  for (const Row& row : rows) {
    const CouchAnswer answer = read(reply(row.status, row.body));
    EXPECT_EQ(answer.act, row.act) << row.status << " " << row.body;
    EXPECT_THAT(answer.reason, HasSubstr(std::to_string(row.status)));
    EXPECT_THAT(answer.refused, IsEmpty());
  }
  HttpReply lost;
  lost.fault = "http://box/: Empty reply from server";
  lost.status = 201;  // the head came, and then no more
  EXPECT_EQ(read(lost).act, CouchAct::away);
  EXPECT_EQ(read(lost).reason, lost.fault);
}

TEST(CouchDbAnswer, OfEachDocument) {
  const CouchAnswer answer =
      read(reply(201, R"([{"ok":true,"id":"log:1","rev":"1-a"},)"
                      R"({"id":"log:2","error":"conflict","reason":"Document update conflict."},)"
                      R"({"id":"log:3","error":"forbidden","reason":"no guid"}])"));
  EXPECT_EQ(answer.act, CouchAct::taken);
  EXPECT_THAT(answer.conflicts, ElementsAre(1));
  EXPECT_THAT(answer.refused, ElementsAre(Pair(2, "forbidden: no guid")));
  EXPECT_THAT(answer.again, IsEmpty());
}

// The stand-in names what its rules forbid first.
TEST(CouchDbAnswer, OfEachDocumentInAnyOrder) {
  const CouchAnswer answer = read(
      reply(201, R"([{"id":"log:3","error":"forbidden","reason":"no guid"},)"
                 R"({"ok":true,"id":"log:2","rev":"1-b"},{"ok":true,"id":"log:1","rev":"1-a"}])"));
  EXPECT_THAT(answer.refused, ElementsAre(Pair(2, "forbidden: no guid")));
  EXPECT_THAT(answer.again, IsEmpty());
}

TEST(CouchDbAnswer, WhatIsNotSaidToBeStoredComesAgain) {
  const CouchAnswer answer =
      read(reply(202, R"([{"id":"log:1","error":"internal_server_error","reason":"oops"},)"
                      R"({"ok":true,"id":"log:9","rev":"1-a"},{"id":"log:3"}])"));
  EXPECT_EQ(answer.act, CouchAct::taken);
  EXPECT_THAT(answer.again, ElementsAre(0, 1, 2));
  EXPECT_EQ(answer.reason, "internal_server_error: oops");
}

TEST(CouchDbAnswer, OfADocumentThatFailsByItself) {
  const CouchAnswer answer =
      read(reply(201, R"([{"id":"log:1","error":"unknown_error","reason":"undefined"},)"
                      R"({"ok":true,"id":"log:2","rev":"1-b"},{"id":"log:3"}])"));
  EXPECT_THAT(answer.again, ElementsAre(0, 2));
  EXPECT_THAT(answer.failed, ElementsAre(Pair(0, "unknown_error: undefined")));
}

// The password was blamed for everything.
TEST(CouchDbAnswer, SaysWhatToLookAtWhenWeAreNotLetIn) {
  const auto words = [](int status, const std::string& body) {
    return read(reply(status, body)).reason;
  };
  const std::string locked = error_body("forbidden", "Account is temporarily locked");
  const std::string denied = error_body("forbidden", "You are not allowed to access this db.");
  EXPECT_THAT(words(401, error_body("unauthorized")), HasSubstr("password_file"));
  EXPECT_THAT(words(403, locked), HasSubstr("password_file"));
  EXPECT_THAT(words(403, denied), HasSubstr("_security"));
  EXPECT_THAT(words(403, denied), Not(HasSubstr("password_file")));
  EXPECT_THAT(words(403, "<html>"), HasSubstr("what stands in front of it"));
  EXPECT_THAT(words(403, error_body("partition_overflow")), HasSubstr("is not partitioned"));
  const CouchAnswer item = read(
      reply(201, R"([{"id":"log:1","error":"partition_overflow","reason":"too large"},)"
                 R"({"ok":true,"id":"log:2","rev":"1-b"},{"ok":true,"id":"log:3","rev":"1"}])"));
  EXPECT_THAT(item.again, ElementsAre(0));
  EXPECT_THAT(item.failed, IsEmpty());
  EXPECT_THAT(item.reason, HasSubstr("is not partitioned"));
}

TEST(CouchDbAnswer, ThatDoesNotFitTheRequest) {
  for (const char* body : {"", "[]", "{}", "null", "[1,2,3,4]", "[{\"ok\":true", "<html>",
                           R"([{"ok":true,"id":"log:1","rev":"1-a"}])"}) {
    const CouchAnswer answer = read(reply(201, body));
    EXPECT_EQ(answer.act, CouchAct::away) << body;
    EXPECT_THAT(answer.reason, HasSubstr("does not fit"));
  }
  EXPECT_THAT(read(reply(201, "[1,null,[]]")).again, ElementsAre(0, 1, 2));
}

TEST(CouchDbAnswer, ADocumentThatIsTooLargeIsNamed) {
  const CouchAnswer named = read(reply(413, error_body("document_too_large", "log:2")));
  EXPECT_EQ(named.act, CouchAct::too_large);
  EXPECT_THAT(named.refused, ElementsAre(Pair(1, "413 document_too_large: log:2")));
  for (const char* other : {"", "log:7", "elsewhere"}) {
    const CouchAnswer unknown = read(reply(413, error_body("document_too_large", other)));
    EXPECT_EQ(unknown.act, CouchAct::too_large);
    EXPECT_THAT(unknown.refused, IsEmpty());
  }
}

TEST(CouchDbAnswer, SaysWhenToComeBack) {
  struct Row {
    std::string text;
    std::optional<Duration> wait;
  };
  const Row rows[] = {
      {"0", 0s},
      {"120", 120s},
      {"Mon, 21 Sep 2026 14:14:20 GMT", 60s},
      {"Mon, 21 Sep 2026 14:00:00 GMT", 0s},  // past
      {"", std::nullopt},
      {"-1", std::nullopt},
      {"1.5", std::nullopt},
      {"soon", std::nullopt},
      {"99999999999999", std::nullopt},
      {"Mon, 21 Sep 2026 14:14:20 CET", std::nullopt},
      {"Mon, 21 Sep 2026 14:14:20 GMT, or so", std::nullopt},
  };
  for (const Row& row : rows) EXPECT_EQ(read_retry_after(row.text, kNow), row.wait) << row.text;
  EXPECT_EQ(read(reply(429, "", {{"retry-after", "7"}})).retry_after, Duration(7s));
  EXPECT_EQ(read(reply(503, "", {{"retry-after", "7"}})).retry_after, Duration(7s));
  EXPECT_EQ(read(reply(503, "")).retry_after, std::nullopt);
  EXPECT_EQ(read(reply(507, "")).retry_after, Duration(1min));
}

TEST(CouchDbAnswer, IsQuotedInPart) {
  const std::string text = describe_couch_answer(reply(502, std::string(100'000, 'x')));
  EXPECT_THAT(text, HasSubstr("502"));
  EXPECT_LT(text.size(), 300u);
  // CouchDB's own words too, and never half of a letter.
  std::string reason;
  for (int i = 0; i < 10'000; ++i) reason += "\u00e4";
  for (const char* shift : {"", "x"}) {
    const std::string body = error_body("timeout", shift + reason);
    EXPECT_LT(describe_couch_answer(reply(500, body)).size(), 300u);
    const CouchAnswer item =
        read(reply(201, R"([{"id":"log:1","error":"forbidden","reason":")" + (shift + reason) +
                            R"("},{"id":"log:2"},{"id":"log:3"}])"));
    ASSERT_EQ(item.refused.size(), 1u);
    EXPECT_LT(item.refused[0].second.size(), 300u);
    EXPECT_THAT(item.refused[0].second, ::testing::EndsWith("\u00e4..."));
  }
}

}  // namespace
}  // namespace muster
