// What the tasks of a bench carry: text that differs from task to task and that nothing packs
// smaller, so that a log which packs its blocks does not look quicker than it would be with the
// work of others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace muster::bench {

inline constexpr size_t kTaskBytes = 200;

class Payloads {
 public:
  Payloads() {
    constexpr std::string_view kLetters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::mt19937_64 random(1);
    for (std::string& text : texts_) {
      for (size_t i = 0; i < kTaskBytes; ++i) text += kLetters[random() % kLetters.size()];
    }
  }

  // The same for the same task, and another for each of many thousands around it.
  const std::string& of(uint64_t task) const { return texts_[task % texts_.size()]; }

 private:
  std::vector<std::string> texts_ = std::vector<std::string>(16'384);
};

}  // namespace muster::bench
