#include <gtest/gtest.h>

#include "core/limits.h"
#include "workers/attempt_run.h"

namespace muster {
namespace {

TEST(Noop, PassesAndBringsItsPayloadBack) {
  const Instant now{Duration(7)};
  const Ending ending = run_noop(NoopWork{"two\nlines"}, now);
  EXPECT_EQ(ending.outcome, Outcome::pass);
  EXPECT_EQ(ending.message, "two\nlines");
  EXPECT_EQ(ending.started, now);
  EXPECT_EQ(ending.finished, now);
}

TEST(Noop, WhateverThePayloadIsTheMessageIsText) {
  const struct {
    std::string payload;
    std::string message;
  } rows[] = {
      {"", ""},
      {"a\xFFz", "a\uFFFDz"},
      {std::string(kMessageLengthMax, 'x'), std::string(kMessageLengthMax, 'x')},
      {std::string(kMessageLengthMax + 1, 'x'), std::string(kMessageLengthMax - 3, 'x') + "\u2026"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(run_noop(NoopWork{row.payload}, kNever).message, row.message);
  }
}

}  // namespace
}  // namespace muster
