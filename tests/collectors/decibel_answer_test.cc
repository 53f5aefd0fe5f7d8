#include "collectors/decibel_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/decibel_results.h"

namespace muster {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

HttpReply reply(int status, std::string body = "",
                std::map<std::string, std::string> headers = {}) {
  HttpReply reply;
  reply.status = status;
  reply.body = std::move(body);
  reply.headers = std::move(headers);
  return reply;
}

TEST(DecibelAnswer, WhatEachAnswerMeans) {
  const std::map<std::string, std::string> page = {{"content-type", "text/html; charset=utf-8"}};
  struct Row {
    HttpReply reply;
    DecibelAct act;
  };
  const Row rows[] = {
      {reply(200), DecibelAct::taken},
      {reply(201, "{}"), DecibelAct::taken},
      {reply(204), DecibelAct::taken},
      {reply(200, "<html>log in</html>", page), DecibelAct::away},
      {reply(302), DecibelAct::away},
      {reply(400, "no"), DecibelAct::refused},
      {reply(400, "<html>", page), DecibelAct::away},
      {reply(401), DecibelAct::locked_out},
      {reply(403), DecibelAct::locked_out},
      {reply(404), DecibelAct::misplaced},
      {reply(405), DecibelAct::misplaced},
      {reply(408), DecibelAct::away},
      {reply(409), DecibelAct::refused},
      {reply(413), DecibelAct::refused},
      {reply(415), DecibelAct::refused},
      {reply(422), DecibelAct::refused},
      {reply(422, "<html>", page), DecibelAct::away},
      {reply(413, "<html>", page), DecibelAct::refused},  // what stood behind it waited for ever
      {reply(429), DecibelAct::away},
      {reply(500), DecibelAct::away},
      {reply(503), DecibelAct::away},
      {reply(507), DecibelAct::away},
      {reply(0), DecibelAct::away},
  };
  for (const Row& row : rows) {
    const DecibelAnswer answer = read_decibel_answer(row.reply, from_us(1));
    EXPECT_EQ(answer.act, row.act) << row.reply.status << row.reply.body;
    EXPECT_EQ(answer.reason.empty(), row.act == DecibelAct::taken) << row.reply.status;
  }
}

// A receiver that took it and says so at length was sent the same again and again.
TEST(DecibelAnswer, TheHeadIsTheAnswerWhateverBecomesOfItsBody) {
  const std::map<std::string, std::string> page = {{"content-type", "text/html"}};
  struct Row {
    HttpReply reply;
    DecibelAct act;
  };
  const Row rows[] = {
      {reply(201, "{\"receipt\": ["), DecibelAct::taken},
      {reply(200, "<html>", page), DecibelAct::away},
      {reply(401, "you are"), DecibelAct::locked_out},
      {reply(404, "nothing"), DecibelAct::misplaced},
      {reply(413, "<html>", page), DecibelAct::refused},
      {reply(422, "line 3"), DecibelAct::refused},
      {reply(422, "<html>", page), DecibelAct::away},
      {reply(503, "soon"), DecibelAct::away},
      {reply(201), DecibelAct::away},  // the head may have broken off
      {reply(422), DecibelAct::away},
  };
  for (const Row& row : rows) {
    HttpReply cut = row.reply;
    cut.fault = "http://x: its answer is longer than 65536 bytes, and was not read further";
    EXPECT_EQ(read_decibel_answer(cut, from_us(1)).act, row.act) << cut.status << cut.body;
  }
}

TEST(DecibelAnswer, SaysWhatTheServerSaid) {
  const Instant now = from_us(1);
  EXPECT_EQ(read_decibel_answer(reply(422, R"({"error": "line 3: no"})"), now).reason,
            "422 line 3: no");
  EXPECT_EQ(read_decibel_answer(reply(500), now).reason, "500");
  EXPECT_THAT(read_decibel_answer(reply(500, std::string(90'000, 'x') + "\n\x1b"), now).reason,
              Not(HasSubstr("\n")));
  EXPECT_LT(read_decibel_answer(reply(500, std::string(90'000, 'x')), now).reason.size(), 400u);
  EXPECT_EQ(read_decibel_answer(reply(503, "", {{"retry-after", "7"}}), now).retry_after,
            Duration(7s));
  HttpReply lost = reply(200);
  lost.fault = "http://box: connection reset";
  EXPECT_EQ(read_decibel_answer(lost, now).act, DecibelAct::away);
  EXPECT_EQ(read_decibel_answer(lost, now).reason, lost.fault);
}

TEST(DecibelResults, NothingOfTheLabsIsAFailure) {
  using R = DecibelResult;
  const auto ending = [](Outcome outcome, Cause cause) {
    Ending made;
    made.outcome = outcome;
    made.cause = cause;
    return made;
  };
  for (const Cause cause :
       {Cause::device, Cause::peripheral, Cause::worker, Cause::broker, Cause::capacity}) {
    for (const Outcome outcome : {Outcome::fail, Outcome::error}) {
      EXPECT_EQ(decibel_result(ending(outcome, cause), TaskKind::job), R::error)
          << to_string(cause);
      EXPECT_EQ(decibel_result(Verdict::fail, ending(outcome, cause), TaskKind::job), R::error);
    }
  }
  EXPECT_EQ(decibel_result(ending(Outcome::fail, Cause::test), TaskKind::job), R::failure);
  EXPECT_EQ(decibel_result(ending(Outcome::error, Cause::test), TaskKind::job), R::error);
  EXPECT_EQ(decibel_result(ending(Outcome::pass, Cause::none), TaskKind::job), R::passed);
  EXPECT_EQ(decibel_result(ending(Outcome::skip, Cause::none), TaskKind::job), std::nullopt);
  for (const TaskKind kind : {TaskKind::verify, TaskKind::repair}) {
    EXPECT_EQ(decibel_result(Outcome::fail, kind), R::error);
    EXPECT_EQ(decibel_result(ending(Outcome::fail, Cause::test), kind), R::error);
    EXPECT_EQ(decibel_result(Verdict::fail, ending(Outcome::fail, Cause::test), kind), R::error);
  }
  const Ending failed = ending(Outcome::fail, Cause::test);
  EXPECT_EQ(decibel_result(Verdict::pass, failed, TaskKind::job), R::passed);
  EXPECT_EQ(decibel_result(Verdict::flaky, failed, TaskKind::job), R::passed);
  EXPECT_EQ(decibel_result(Verdict::fail, failed, TaskKind::job), R::failure);
  EXPECT_EQ(decibel_result(Verdict::error, failed, TaskKind::job), R::error);
  EXPECT_EQ(decibel_result(Verdict::skip, failed, TaskKind::job), std::nullopt);
}

}  // namespace
}  // namespace muster
