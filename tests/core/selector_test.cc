#include "core/selector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace muster {
namespace {

using ::testing::HasSubstr;

const Profile kPhone = {{"type", "handset"}, {"pretty", "yuga"}, {"empty", ""}, {"in", "lab"}};

struct MatchRow {
  const char* selector;
  bool matches;
  const char* canonical;
};

TEST(Selector, Matches) {
  const std::vector<MatchRow> rows = {
      {"", true, ""},
      {"  ", true, ""},
      {"type", true, "type"},
      {"absent", false, "absent"},
      {"!absent", true, "!absent"},
      {"! type", false, "!type"},
      {"type=handset", true, "type=handset"},
      {"type == handset", true, "type=handset"},
      {"type=relay", false, "type=relay"},
      {"type!=relay", true, "type!=relay"},
      {"type != handset", false, "type!=handset"},
      {"absent!=x", true, "absent!=x"},
      {"absent=x", false, "absent=x"},
      {"empty=", true, "empty="},
      {"empty!=", false, "empty!="},
      {"type=", false, "type="},
      {"type in (relay, handset)", true, "type in (handset,relay)"},
      {"type in(relay)", false, "type=relay"},
      {"type notin (relay,hub,relay)", true, "type notin (hub,relay)"},
      {"type notin (handset)", false, "type!=handset"},
      {"absent notin (a,b)", true, "absent notin (a,b)"},
      {"absent in (a,b)", false, "absent in (a,b)"},
      {"in in (lab)", true, "in=lab"},
      {"in", true, "in"},
      {"type=handset,pretty=yuga", true, "pretty=yuga,type=handset"},
      {"type=handset,pretty=nozomi", false, "pretty=nozomi,type=handset"},
      {" type = handset ,\t!absent, type=handset", true, "!absent,type=handset"},
      {"a.b_c-d/e:f@g+h=i.j_k-l/m:n@o+p", false, "a.b_c-d/e:f@g+h=i.j_k-l/m:n@o+p"},
      {"type in (a,handset),type in (handset,b)", true, "type in (a,handset),type in (b,handset)"},
  };
  for (const MatchRow& row : rows) {
    const Result<Selector> selector = Selector::parse(row.selector);
    ASSERT_TRUE(selector.ok()) << row.selector << ": " << selector.error();
    EXPECT_EQ(selector->matches(kPhone), row.matches) << row.selector;
    EXPECT_EQ(selector->canonical(), row.canonical) << row.selector;
    const Result<Selector> again = Selector::parse(selector->canonical());
    ASSERT_TRUE(again.ok()) << row.canonical;
    EXPECT_EQ(again->canonical(), row.canonical);
    EXPECT_EQ(again->matches(kPhone), row.matches) << row.canonical;
    EXPECT_EQ(selector->empty(), selector->canonical().empty());
  }
}

struct BadRow {
  std::string selector;
  const char* why;
};

TEST(Selector, Malformed) {
  const std::vector<BadRow> rows = {
      {"k in (a", "selector \"k in (a\": expected \")\" at position 8"},
      {"k in (a b)", "expected \")\" at position 9"},
      {"k in (", "expected a value at position 7"},
      {"k in ()", "expected a value at position 7"},
      {"k in (a,)", "expected a value at position 9"},
      {"k in (,a)", "expected a value at position 7"},
      {"k in a", "expected \"(\" at position 6"},
      {"k in", "expected \"(\" at position 5"},
      {"k notin", "expected \"(\" at position 8"},
      {",", "expected a key at position 1"},
      {"k,", "expected a key at position 3"},
      {",k", "expected a key at position 1"},
      {"k,,l", "expected a key at position 3"},
      {"=v", "expected a key at position 1"},
      {"!", "expected a key at position 2"},
      {"!!k", "expected a key at position 2"},
      {"!k=v", "expected \",\" or the end at position 3"},
      {"k=v w", "expected \",\" or the end at position 5"},
      {"k=v=w", "expected \",\" or the end at position 4"},
      {"k=(v)", "expected \",\" or the end at position 3"},
      {"k within (a)", "unknown operator \"within\" after \"k\""},
      {"k > 5", "expected \",\" or the end at position 3"},
      {"k=\"v\"", "expected \",\" or the end at position 3"},
      {"k\n=v", "expected \",\" or the end at position 2"},
      {"k=\xC3\xA5", "expected \",\" or the end at position 3"},
      {std::string("k\0", 2), "expected \",\" or the end at position 2"},
      {"a=1,a=2", "can never match: its terms for \"a\" contradict"},
      {"a,!a", "can never match"},
      {"!a,a=1", "can never match"},
      {"a=1,a!=1", "can never match"},
      {"a in (1,2),a notin (2),a!=1", "can never match"},
      {"a in (1,2),a in (2,3),a in (3,1)", "can never match"},
      {"z=1,a=1,m=1,m=2", "its terms for \"m\""},
  };
  for (const BadRow& row : rows) {
    const Result<Selector> selector = Selector::parse(row.selector);
    ASSERT_FALSE(selector.ok()) << row.selector;
    EXPECT_THAT(selector.error(), HasSubstr(row.why));
  }
}

TEST(Selector, LongTextIsQuick) {
  std::string text = "k in (v0";
  for (int i = 1; i < 100'000; ++i) text += ",v" + std::to_string(i);
  const Result<Selector> selector = Selector::parse(text + ")");
  ASSERT_TRUE(selector.ok());
  EXPECT_TRUE(selector->matches({{"k", "v77777"}}));
  EXPECT_LT(Selector::parse(text).error().size(), 200u);
}

TEST(MatchProfile, HasTheNameOfTheDevice) {
  DeviceSpec device;
  device.name = "phone-1";
  device.profile = {{"type", "handset"}, {"name", "an impostor"}};
  device.pools = {"nightly"};
  EXPECT_EQ(match_profile(device), (Profile{{"type", "handset"}, {"name", "phone-1"}}));
}

}  // namespace
}  // namespace muster
