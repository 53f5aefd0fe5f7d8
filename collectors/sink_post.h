// A sink and what belongs to it: its dead letters, and the desk where people meet it.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "collectors/dead_letters.h"
#include "collectors/sink.h"
#include "collectors/sink_desk.h"
#include "collectors/stop.h"

namespace muster {

struct SinkPost {
  // The letters lie in `letters_dir`; `stop` outlives it.
  SinkPost(std::unique_ptr<Sink> sink_in, const std::string& letters_dir, const Stop& stop)
      : sink(std::move(sink_in)),
        letters(letters_dir + "/" + std::string(sink->name()) + ".jsonl", std::string(sink->name()),
                sink->place()),
        desk(stop) {}

  const std::unique_ptr<Sink> sink;  // of its own thread, but for name() and place()
  DeadLetters letters;
  SinkDesk desk;
  std::string reader;        // its name in the broker's log (core/log_keeping.h)
  std::string history_file;  // collectors/history_mark.h
};

using SinkPosts = std::vector<std::unique_ptr<SinkPost>>;

}  // namespace muster
