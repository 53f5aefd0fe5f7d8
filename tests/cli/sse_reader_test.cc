#include "cli/sse_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace muster {
namespace {

std::vector<std::string> read(const std::string& text, size_t piece) {
  std::vector<std::string> messages;
  SseReader reader([&](const SseMessage& message) {
    messages.push_back(message.id + "|" + message.event + "|" + message.data + "|" +
                       message.comment);
  });
  for (size_t at = 0; at < text.size(); at += piece) reader.feed(text.substr(at, piece));
  return messages;
}

// However the bytes come.
TEST(SseReader, ReadsMessages) {
  const std::pair<std::string, std::vector<std::string>> rows[] = {
      {"", {}},
      {"data: half", {}},
      {"id: 7\nevent: result\ndata: {\"a\": 1}\n\n", {"7|result|{\"a\": 1}|"}},
      {"id: 7\r\ndata: x\r\n\r\n", {"7||x|"}},
      {"data: x\ndata: y\n\n", {"||x\ny|"}},
      {"data:\ndata:\n\n", {"||\n|"}},
      {"data:x\n\n", {"||x|"}},
      {"data:  x\n\n", {"|| x|"}},
      {": beat\nid: 9\n\ndata: z\n\n", {"9|||beat", "9||z|"}},
      {"retry: 1000\n\n", {"|||"}},
      {"data\n\nunknown: 3\n\n", {"|||", "|||"}},
      {"data: a:b: c\n\n", {"||a:b: c|"}},
  };
  for (const auto& [text, messages] : rows) {
    for (const size_t piece : {1, 2, 3, 1'000}) {
      EXPECT_EQ(read(text, piece), messages) << text << " in pieces of " << piece;
    }
  }
}

}  // namespace
}  // namespace muster
