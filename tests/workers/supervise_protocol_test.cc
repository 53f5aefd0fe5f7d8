#include "workers/supervise_protocol.h"

#include <gtest/gtest.h>

#include <string>

namespace muster {
namespace {

TEST(SuperviseProtocol, SaysEachMessageInWords) {
  struct Row {
    SuperviseMessage message;
    std::string words;
  };
  const Row rows[] = {
      {SuperviseHello{{"a guid with blanks", 2}}, "hello 1 2 a guid with blanks"},
      {SuperviseGrew{0}, "grew 0"},
      {SuperviseGrew{UINT64_MAX}, "grew 18446744073709551615"},
      {SuperviseAlive{}, "alive"},
      {SuperviseLease{123456789}, "lease 123456789"},
      {SuperviseStop{SuperviseWhy::cancelled, false, "by ann: enough"},
       "stop cancelled grace by ann: enough"},
      {SuperviseStop{SuperviseWhy::fenced, true, ""}, "stop fenced at_once "},
      {SuperviseStop{SuperviseWhy::worker, true, "two\nlines"}, "stop worker at_once two\nlines"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(encode_supervise(row.message), row.words);
    EXPECT_EQ(decode_supervise(row.words), row.message) << row.words;
  }
}

TEST(SuperviseProtocol, PassesOverWhatItDoesNotKnow) {
  for (const char* words : {"",
                            " ",
                            "hello",
                            "hello 2 1 guid-000001",
                            "hello 1 x guid-000001",
                            "hello 1 1 short",
                            "hello 1 -1 guid-000001",
                            "hello 1 4294967296 guid-000001",
                            "grew",
                            "grew -1",
                            "grew 1x",
                            "grew 18446744073709551616",
                            "lease",
                            "lease soon",
                            "stop",
                            "stop cancelled",
                            "stop bored at_once x",
                            "stop cancelled later x",
                            "Stop cancelled grace x",
                            "farewell 1"}) {
    EXPECT_FALSE(decode_supervise(words)) << words;
  }
}

TEST(SuperviseProtocol, CutsWhatAPersonSaidAtItsLimit) {
  const SuperviseStop stop{SuperviseWhy::cancelled, false, std::string(100'000, 'x')};
  const std::string words = encode_supervise(stop);
  EXPECT_LE(words.size(), kSuperviseBytesMax);
  EXPECT_TRUE(decode_supervise(words));
}

}  // namespace
}  // namespace muster
