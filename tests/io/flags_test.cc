#include "io/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace muster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Options {
  std::string home;
  std::vector<std::string> endpoints = {"ipc:///run/broker.sock"};
  uint64_t slots = 4;
  std::string level = "info";
  bool once = false;
};

FlagSet make_flags(Options& options) {
  FlagSet flags("muster-thing", "Does a thing.");
  flags.text("home", "DIR", "directory of this installation", &options.home);
  flags.list("endpoint", "URL", "where the broker listens", &options.endpoints);
  flags.number("slots", "N", "attempts at a time", 1, 10'000, &options.slots);
  flags.choice("log-level", {"debug", "info", "warn"}, "least level of the log", &options.level);
  flags.enable("once", "stop after one round", &options.once);
  return flags;
}

TEST(Flags, SetsTargetsInBothForms) {
  Options options;
  FlagSet flags = make_flags(options);
  const Result<FlagSet::Parsed> parsed =
      flags.parse({"--home", "/h", "--slots=1", "--log-level", "warn", "--once", "--endpoint=a=b",
                   "--endpoint", "c"});
  ASSERT_TRUE(parsed.ok()) << parsed.error();
  EXPECT_EQ(*parsed, FlagSet::Parsed::run);
  EXPECT_EQ(options.home, "/h");
  EXPECT_EQ(options.slots, 1u);
  EXPECT_EQ(options.level, "warn");
  EXPECT_TRUE(options.once);
  EXPECT_THAT(options.endpoints, ElementsAre("a=b", "c"));
}

TEST(Flags, KeepsDefaults) {
  Options options;
  FlagSet flags = make_flags(options);
  ASSERT_TRUE(flags.parse({}).ok());
  EXPECT_EQ(options.slots, 4u);
  EXPECT_THAT(options.endpoints, ElementsAre("ipc:///run/broker.sock"));
}

TEST(Flags, HelpAndVersionWin) {
  Options options;
  FlagSet flags = make_flags(options);
  EXPECT_EQ(*flags.parse({"--once", "--help", "--nonsense"}), FlagSet::Parsed::help);
  EXPECT_EQ(*make_flags(options).parse({"-h"}), FlagSet::Parsed::help);
  EXPECT_EQ(*make_flags(options).parse({"--version"}), FlagSet::Parsed::version);
}

TEST(Flags, ErrorsNameTheArgument) {
  struct Row {
    std::vector<std::string> arguments;
    std::string error;
  };
  const Row rows[] = {
      {{"--hoem", "/h"}, "unknown flag --hoem; did you mean --home?"},
      {{"--zzz"}, "unknown flag --zzz"},
      {{"--=x"}, "unknown flag --"},
      {{"--hepl"}, "did you mean --help?"},
      {{"home"}, "unexpected argument 'home'"},
      {{""}, "unexpected argument ''"},
      {{"-s"}, "unexpected argument '-s'"},
      {{"--"}, "unexpected argument '--'"},
      {{"--home"}, "--home wants a value: --home DIR"},
      {{"--home="}, "--home has an empty value"},
      {{"--home", ""}, "--home has an empty value"},
      {{"--home", "a", "--home", "b"}, "--home is given twice"},
      {{"--once", "--once"}, "--once is given twice"},
      {{"--once=yes"}, "--once takes no value"},
      {{"--slots", "0"}, "--slots wants a whole number from 1 to 10000, not '0'"},
      {{"--slots", "10001"}, "not '10001'"},
      {{"--slots", "-1"}, "not '-1'"},
      {{"--slots", "4x"}, "not '4x'"},
      {{"--slots", "99999999999999999999999"}, "--slots wants a whole number"},
      {{"--log-level", "wran"},
       "--log-level is one of debug, info, warn, not 'wran'; did you mean"},
      {{"--log-level", "INFO"}, "--log-level is one of debug, info, warn"},
  };
  for (const Row& row : rows) {
    Options options;
    const Result<FlagSet::Parsed> parsed = make_flags(options).parse(row.arguments);
    ASSERT_FALSE(parsed.ok()) << row.error;
    EXPECT_THAT(parsed.error(), HasSubstr(row.error));
  }
}

TEST(Flags, HelpShowsEveryFlagAndItsDefault) {
  Options options;
  EXPECT_EQ(make_flags(options).help(),
            "Usage: muster-thing [FLAG]...\n"
            "Does a thing.\n"
            "\n"
            "  --home DIR      directory of this installation\n"
            "  --endpoint URL  where the broker listens; may be repeated (default:\n"
            "                  ipc:///run/broker.sock)\n"
            "  --slots N       attempts at a time (default: 4)\n"
            "  --log-level debug|info|warn\n"
            "                  least level of the log (default: info)\n"
            "  --once          stop after one round\n"
            "  --help          print this text and exit\n"
            "  --version       print the version and exit\n");
}

}  // namespace
}  // namespace muster
