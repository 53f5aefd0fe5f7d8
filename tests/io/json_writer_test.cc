#include "io/json_writer.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace muster {
namespace {

TEST(JsonWriter, NestsAndSeparates) {
  JsonWriter json;
  json.begin_object();
  json.begin_array("empty");
  json.end_array();
  json.begin_array("list");
  json.begin_object();
  json.end_object();
  json.begin_object();
  json.boolean("yes", true);
  json.boolean("no", false);
  json.end_object();
  json.text("", "x");
  json.end_array();
  json.text("last", "y");
  json.end_object();
  EXPECT_EQ(json.take(), R"({"empty":[],"list":[{},{"yes":true,"no":false},"x"],"last":"y"})");
  json.number("", uint64_t{7});
  EXPECT_EQ(json.take(), "7");
}

// It was left out once, and what came out was no JSON.
TEST(JsonWriter, AMemberMayHaveAnEmptyKey) {
  JsonWriter json;
  json.begin_object();
  json.text("", "x");
  json.begin_object("");
  json.end_object();
  json.end_object();
  EXPECT_EQ(json.take(), R"({"":"x","":{}})");
}

TEST(JsonWriter, Numbers) {
  struct Row {
    int64_t number;
    std::string json;
  };
  const Row rows[] = {
      {0, "0"},
      {-1, "-1"},
      {1ll << 53, "9007199254740992"},
      {(1ll << 53) + 1, "\"9007199254740993\""},
      {-(1ll << 53), "-9007199254740992"},
      {-(1ll << 53) - 1, "\"-9007199254740993\""},
      {INT64_MIN, "\"-9223372036854775808\""},
      {INT64_MAX, "\"9223372036854775807\""},
  };
  for (const Row& row : rows) {
    JsonWriter json;
    json.number("", row.number);
    EXPECT_EQ(json.take(), row.json);
  }
  JsonWriter json;
  json.number("", UINT64_MAX);
  EXPECT_EQ(json.take(), "\"18446744073709551615\"");
}

TEST(JsonWriter, Seconds) {
  struct Row {
    int64_t us;
    std::string json;
  };
  const Row rows[] = {
      {0, "0.0"},        {1, "0.000001"},      {1'500'000, "1.5"},
      {-1, "-0.000001"}, {10'000'000, "10.0"}, {999'999, "0.999999"},
      {100'000, "0.1"},  {-2'000'000, "-2.0"}, {INT64_MIN, "-9223372036854.775808"},
  };
  for (const Row& row : rows) {
    JsonWriter json;
    json.seconds("", Duration(row.us));
    EXPECT_EQ(json.take(), row.json);
  }
}

// Whatever the bytes, another reader finds the same text.
TEST(JsonWriter, EveryByteIsReadBack) {
  std::string plain;
  for (int byte = 0; byte < 0x80; ++byte) plain += static_cast<char>(byte);
  for (const std::string& text :
       {plain, std::string("grün \xe2\x82\xac \xf0\x9f\x98\x80"), std::string()}) {
    JsonWriter json;
    json.text("", text);
    const std::string written = json.take();
    EXPECT_EQ(written.find('\n'), std::string::npos);
    EXPECT_EQ(nlohmann::json::parse(written).get<std::string>(), text);
  }
  for (int byte = 0x80; byte <= 0xff; ++byte) {
    JsonWriter json;
    json.text("", std::string("a") + static_cast<char>(byte) + "b");
    EXPECT_EQ(json.take(),
              "\"a\xef\xbf\xbd"
              "b\"")
        << byte;
  }
}

TEST(JsonWriter, WideIntegersForReadersThatHaveDoublesOnly) {
  const int64_t exact = int64_t{1} << 53;
  JsonWriter digits;
  digits.integer("", exact + 1);
  EXPECT_EQ(digits.take(), "9007199254740993");
  JsonWriter json(WideIntegers::as_text);
  json.begin_array();
  for (const int64_t value : {exact, exact + 1, -exact, -exact - 1}) json.integer("", value);
  json.end_array();
  EXPECT_EQ(json.take(),
            R"([9007199254740992,"9007199254740993",-9007199254740992,"-9007199254740993"])");
}

TEST(JsonWriter, TakesWhatIsJsonAlready) {
  JsonWriter json;
  json.begin_object();
  json.json("a", "[1,2]");
  json.json("b", "null");
  json.end_object();
  EXPECT_EQ(json.take(), R"({"a":[1,2],"b":null})");
}

}  // namespace
}  // namespace muster
