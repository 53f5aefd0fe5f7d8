#include "tests/transcripts/script.h"

#include <sstream>
#include <utility>

namespace muster {
namespace {

constexpr std::string_view kRule = "----";

void append_lines(std::string& text, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) text += line + "\n";
}

}  // namespace

Transcript parse_transcript(const std::string& text) {
  Transcript transcript;
  std::istringstream lines(text);
  std::vector<std::string> before;
  std::string line;
  while (std::getline(lines, line)) {
    if (line.empty() || line.front() == '#') {
      before.push_back(line);
      continue;
    }
    Chunk chunk;
    chunk.before = std::exchange(before, {});
    chunk.command = line;
    while (std::getline(lines, line) && line != kRule) chunk.arguments.push_back(line);
    while (std::getline(lines, line) && !line.empty()) chunk.output.push_back(line);
    transcript.chunks.push_back(std::move(chunk));
  }
  transcript.after = std::move(before);
  return transcript;
}

std::string format_transcript(const Transcript& transcript) {
  std::string text;
  for (const Chunk& chunk : transcript.chunks) {
    append_lines(text, chunk.before);
    text += chunk.command + "\n";
    append_lines(text, chunk.arguments);
    text += std::string(kRule) + "\n";
    append_lines(text, chunk.output);
    text += "\n";
  }
  append_lines(text, transcript.after);
  while (text.ends_with("\n\n")) text.pop_back();
  return text;
}

}  // namespace muster
