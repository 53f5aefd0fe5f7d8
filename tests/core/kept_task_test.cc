#include "core/kept_task.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "core/slot_vector.h"

namespace muster {
namespace {

struct Number {
  uint64_t value = 0;
  uint64_t hash() const { return value % 7; }  // most of them collide
  bool vacant() const { return value == 0; }
};

// Against a map that is known to be right, with collisions everywhere.
TEST(ProbeTableTest, HoldsWhatWasPutIntoItThroughCollisionsAndErasures) {
  const uint64_t seed = ::testing::UnitTest::GetInstance()->random_seed();
  SCOPED_TRACE("repeat with --gtest_random_seed=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  ProbeTable<Number> table;
  std::map<uint64_t, bool> model;
  const auto same_as = [](uint64_t value) {
    return [value](const Number& number) { return number.value == value; };
  };
  for (int turn = 0; turn < 20'000; ++turn) {
    const Number number{1 + random() % 60};
    if (random() % 2 == 0) {
      EXPECT_EQ(table.erase(number.hash(), same_as(number.value)), model[number.value]);
      model[number.value] = false;
    } else if (!model[number.value]) {
      table.insert(number);
      model[number.value] = true;
    }
    for (const auto& [value, held] : model) {
      const bool found = table.find(Number{value}.hash(), same_as(value)) != nullptr;
      ASSERT_EQ(found, held) << value << " in turn " << turn;
    }
  }
}

TaskSpec some_spec() {
  TaskSpec spec;
  spec.guid = "0194-some-task";
  spec.work = std::string("\0work", 5);
  spec.submitter = "alice@bench";
  spec.metadata = {{"branch", "main"}};
  return spec;
}

TEST(KeptSpecTest, GivesBackWhatItWasMadeOf) {
  const TaskSpec spec = some_spec();
  const KeptSpec kept(std::make_shared<const TaskTerms>(spec), spec.guid, spec.work);
  EXPECT_TRUE(kept);
  EXPECT_EQ(kept.whole(), spec);
  EXPECT_TRUE(kept == spec);
  EXPECT_FALSE(KeptSpec());
}

TEST(KeptSpecTest, DiffersByGuidWorkAndTerms) {
  const TaskSpec spec = some_spec();
  const KeptSpec kept(std::make_shared<const TaskTerms>(spec), spec.guid, spec.work);
  TaskSpec other = spec;
  other.guid += "2";
  EXPECT_FALSE(kept == other);
  other = spec;
  other.work += "2";
  EXPECT_FALSE(kept == other);
  other = spec;
  other.priority = 7;
  EXPECT_FALSE(kept == other);
}

TEST(SharedTermsTest, EqualTermsAreSharedAndTheOldestForgotten) {
  SharedTerms shared;
  TaskTerms terms;
  terms.name = "one";
  const TaskTermsPtr first = shared.share(terms).terms;
  EXPECT_EQ(shared.share(terms).terms, first);
  for (int i = 0; i < 20; ++i) {
    terms.name = "other " + std::to_string(i);
    EXPECT_EQ(shared.share(terms).terms->name, terms.name);
  }
  terms.name = "one";
  EXPECT_NE(shared.share(terms).terms, first);
  EXPECT_EQ(*shared.share(terms).terms, *first);
}

TEST(ForgottenGuidsTest, KeepsTheNewest) {
  ForgottenGuids forgotten(100);
  for (int i = 0; i < 1'000; ++i) forgotten.add("guid-number-" + std::to_string(i));
  forgotten.add("guid-number-999");  // once more: takes nobody's place
  EXPECT_EQ(forgotten.digests().size(), 100u);
  EXPECT_FALSE(forgotten.contains("guid-number-899"));
  for (int i = 900; i < 1'000; ++i) {
    EXPECT_TRUE(forgotten.contains("guid-number-" + std::to_string(i))) << i;
  }
}

TEST(GuidIndexTest, FindsByTheNameThatTheSlotHasNow) {
  std::vector<std::string> names;
  const auto guid_of = [&](uint32_t ix) { return std::string_view(names[ix]); };
  GuidIndex index;
  for (uint32_t i = 0; i < 5'000; ++i) {
    names.push_back("guid-number-" + std::to_string(i));
    index.insert(names.back(), i);
  }
  for (uint32_t i = 0; i < 5'000; i += 2) index.erase(names[i], guid_of);
  for (uint32_t i = 0; i < 5'000; ++i) {
    EXPECT_EQ(index.find(names[i], guid_of), i % 2 == 0 ? GuidIndex::kNone : i);
  }
  EXPECT_EQ(index.size(), 2'500u);
}

TEST(SlotVectorTest, NothingMovesWhenItGrows) {
  SlotVector<std::string> slots;
  slots.emplace_back();
  slots[0] = "the first";
  const std::string* first = &slots[0];
  for (int i = 0; i < 5'000; ++i) slots.emplace_back();
  EXPECT_EQ(&slots[0], first);
  EXPECT_EQ(slots.size(), 5'001u);
  EXPECT_EQ(slots[5'000], "");
}

}  // namespace
}  // namespace muster
