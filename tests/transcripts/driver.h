// Drives a BrokerCore with the commands of a transcript, as the broker's shell would, and tells all
// that it decided.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/broker_core.h"
#include "tests/transcripts/script.h"

namespace muster {

class Driver {
 public:
  Driver();

  // The output of one command. What cannot be understood is told in it.
  std::vector<std::string> run(const Chunk& chunk);

 private:
  // "word word key=value" taken apart. A key that stands several times keeps all its values.
  struct Arguments {
    std::vector<std::string> words;
    std::multimap<std::string, std::string> pairs;

    explicit Arguments(const std::string& line);
    std::string word(size_t index) const { return index < words.size() ? words[index] : ""; }
    bool flag(const std::string& name) const;
    std::string text(const std::string& key, const std::string& otherwise) const;
    uint64_t number(const std::string& key, uint64_t otherwise) const;
    Duration duration(const std::string& key) const;
  };

  bool run_message(const Arguments& arguments, const std::vector<std::string>& lines);
  bool run_other(const Arguments& arguments);
  Message make_hello(const Arguments& arguments) const;
  Message make_inventory(const std::vector<std::string>& lines) const;
  Message make_change(const Arguments& arguments) const;
  Message make_submit(const Arguments& arguments, const std::vector<std::string>& lines) const;
  Message make_sync(const Arguments& arguments, const std::vector<std::string>& lines);
  Message make_question(const Arguments& arguments) const;
  TaskSpecPtr make_task(const std::string& line) const;
  Report make_report(const std::string& line) const;

  void take(const Input& input);
  void speak();
  void advance(Duration duration);
  void restart();
  void say(std::string line) { output_.push_back(std::move(line)); }

  BrokerOptions options_;
  std::unique_ptr<BrokerCore> core_;
  std::vector<Event> log_;
  Instant now_;
  uint64_t epoch_ = 1;
  uint64_t next_request_ = 1;
  std::map<std::string, uint64_t> sync_numbers_;  // by peer
  std::vector<Send> sends_;
  std::vector<std::string> output_;
};

}  // namespace muster
