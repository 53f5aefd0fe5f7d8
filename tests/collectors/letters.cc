#include "tests/collectors/letters.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "core/limits.h"
#include "io/file.h"

namespace muster {

std::map<uint64_t, std::string> read_letters(const std::string& file) {
  std::map<uint64_t, std::string> letters;
  const Result<std::string> text = read_file(file, kDeadLetterBytesMax);
  if (!text.ok()) return letters;
  std::istringstream lines(text->substr(0, text->rfind('\n') + 1));
  for (std::string line; std::getline(lines, line);) {
    const nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
    EXPECT_TRUE(json.is_object()) << line;
    if (!json.is_object()) continue;
    EXPECT_EQ(json["schema"], "muster.dead_letter/1");
    EXPECT_EQ(json["event"]["seq"], json["seq"]);
    EXPECT_FALSE(letters.contains(json["seq"])) << "a second letter: " << line;
    letters[json["seq"]] = json["answer"];
  }
  return letters;
}

}  // namespace muster
