// The files of deploy/examples, damaged: whatever is left of them is read or refused with a reason.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "io/file.h"
#include "io/inventory_file.h"
#include "io/strategy_file.h"
#include "io/task_file.h"
#include "io/vcsjob.h"
#include "tests/io/scratch.h"

namespace muster {
namespace {

constexpr uint32_t kSeed = 7;
constexpr int kDamagedCopies = 400;

// What YAML and our formats give a meaning to.
const std::vector<std::string> kPieces = {"\t",
                                          "\n",
                                          "\n\n",
                                          "  ",
                                          "- ",
                                          ": ",
                                          "{",
                                          "}",
                                          "[",
                                          "]",
                                          ",",
                                          "\"",
                                          "'",
                                          "&a ",
                                          "*a",
                                          "!!str ",
                                          "|",
                                          ">",
                                          "#",
                                          "%",
                                          "---\n",
                                          "...\n",
                                          "? ",
                                          "<<: ",
                                          "~",
                                          "null",
                                          "-1",
                                          "1e9",
                                          "99999999999999999999",
                                          "\xff",
                                          "\xc3",
                                          "\x7f",
                                          std::string(1, '\0'),
                                          "\\ud83d",
                                          "\\",
                                          "..",
                                          "/",
                                          "{device."};

std::string example(const std::string& name) {
  const Result<std::string> text =
      read_file(std::string(MUSTER_SOURCE_DIR) + "/deploy/examples/" + name, 1 << 20);
  EXPECT_TRUE(text.ok()) << name;
  return text.ok() ? *text : "";
}

class FileDamageTest : public ScratchFiles {
 protected:
  // Calls `read` with every prefix of `text` and with copies that have pieces put in or cut out.
  template <typename Read>
  void damage(const std::string& text, size_t prefix_step, Read read) const {
    SCOPED_TRACE("seed " + std::to_string(kSeed));
    for (size_t size = 0; size < text.size(); size += prefix_step) read(text.substr(0, size));
    std::mt19937 random(kSeed);
    const auto below = [&random](size_t limit) { return random() % limit; };
    for (int i = 0; i < kDamagedCopies; ++i) {
      std::string copy = text;
      for (size_t hits = 1 + below(3); hits > 0; --hits) {
        const size_t at = below(copy.size());
        copy.replace(at, below(4), kPieces[below(kPieces.size())]);
      }
      read(copy);
    }
  }
};

void expect_said(const FileProblems& problems) {
  for (const FileProblem& problem : problems.list()) {
    EXPECT_FALSE(problem.message.empty());
    EXPECT_FALSE(problem.file.empty());
  }
}

TEST_F(FileDamageTest, Strategies) {
  damage(example("strategies/linux-host.yaml"), 1, [](const std::string& text) {
    const StrategyFile file = parse_strategy_file(text, "s.yaml");
    expect_said(file.problems);
    if (file.problems.has_errors()) return;
    EXPECT_TRUE(check_strategy(file.strategy).empty()) << text;
  });
}

TEST_F(FileDamageTest, Tasks) {
  damage(example("pass.yaml"), 1, [](const std::string& text) {
    const TaskFile file = parse_task_file(text, "t.yaml");
    expect_said(file.problems);
    if (file.problems.has_errors()) return;
    for (const TaskSpec& task : file.tasks) EXPECT_FALSE(task.work.empty()) << text;
  });
}

TEST_F(FileDamageTest, Inventories) {
  write("strategies/linux-host.yaml", example("strategies/linux-host.yaml"));
  damage(example("inventory.yaml"), 7, [this](const std::string& text) {
    const InventoryFile file = load_inventory_file(write("inventory.yaml", text));
    expect_said(file.problems);
    if (file.problems.has_errors()) return;
    EXPECT_FALSE(file.inventory.workers.empty()) << text;
  });
}

TEST_F(FileDamageTest, JobLists) {
  damage(example("jobs/.vcsjob"), 3, [this](const std::string& text) {
    write(".vcsjob", text);
    const VcsJobFile file = load_vcsjob(dir());
    expect_said(file.problems);
    EXPECT_FALSE(file.missing);
    for (const VcsJob& job : file.jobs) EXPECT_FALSE(job.broken.empty()) << text;  // no files here
  });
}

}  // namespace
}  // namespace muster
