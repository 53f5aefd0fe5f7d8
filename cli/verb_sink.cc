// muster sink: how the collector's sinks are doing, and what people ask of them.
#include <algorithm>

#include "cli/render_sink.h"
#include "cli/sink_client.h"
#include "cli/values.h"
#include "cli/verbs.h"

namespace muster {

int do_verb(Session& session, const SinkStatusOptions& options) {
  std::vector<SinkInfo> sinks = SinkClient(session).list();
  for (const std::string& name : options.names) {
    const bool known = std::any_of(sinks.begin(), sinks.end(),
                                   [&](const SinkInfo& sink) { return sink.name == name; });
    if (!known) {
      throw Failure{kExitUsageError, "the collector has no sink \"" + printable(name) + "\"",
                    "see: muster sink status"};
    }
  }
  std::erase_if(sinks, [&](const SinkInfo& sink) {
    return !options.names.empty() &&
           std::find(options.names.begin(), options.names.end(), sink.name) == options.names.end();
  });
  Output& output = session.output();
  output.show_list(
      "sink", sinks, [&] { return render_sink_table(sinks, output.look()); },
      [](const SinkInfo& sink) { return sink.json; },
      [](const SinkInfo& sink) { return sink.name; });
  return kExitOk;
}

int do_verb(Session& session, const SinkReplayOptions& options) {
  const SinkOrderInfo info = SinkClient(session).replay(options.name, options.from);
  session.output().show_one(
      [&] {
        return printable(options.name) + " delivers every event from " +
               std::to_string(options.from) + " on again; see: muster sink status\n";
      },
      [&] { return info.json; }, [&] { return options.name; });
  return kExitOk;
}

namespace {

// Prints letters one by one as they come, but for a table, for which their first lines are kept.
class LetterPrinter {
 public:
  explicit LetterPrinter(Output& output) : output_(output) {}

  void take(DeadLetterInfo letter) {
    ++count_;
    switch (output_.format()) {
      case Format::human:
        letter.json.clear();
        letter.json.shrink_to_fit();
        letters_.push_back(std::move(letter));
        break;
      case Format::quiet:
        output_.print(std::to_string(letter.seq) + "\n");
        break;
      case Format::json:
        output_.print((count_ == 1 ? head_ + "\n" : ",\n") + letter.json);
        break;
      default:
        output_.print(letter.json + "\n");
    }
  }

  void finish() {
    if (output_.is_human()) output_.print(render_letter_table(letters_, output_.look()));
    if (output_.format() != Format::json) return;
    output_.print((count_ == 0 ? head_ : "\n") + tail_ + "\n");
  }

 private:
  Output& output_;
  const std::string tail_ = "]}";
  // What stands before the first.
  const std::string head_ = [this] {
    std::string none = list_json("dead_letter", {});
    none.resize(none.size() - tail_.size());
    return none;
  }();
  uint64_t count_ = 0;
  std::vector<DeadLetterInfo> letters_;
};

}  // namespace

int do_verb(Session& session, const SinkDeadListOptions& options) {
  LetterPrinter printer(session.output());
  SinkClient(session).each_letter(options.name, [&](DeadLetterInfo letter) {  //
    printer.take(std::move(letter));
  });
  printer.finish();
  return kExitOk;
}

int do_verb(Session& session, const SinkDeadChangeOptions& options) {
  const SinkOrderInfo info =
      SinkClient(session).change_letters(options.name, options.drop, options.seqs);
  session.output().show_one([&] { return render_letter_change(options.name, options.drop, info); },
                            [&] { return info.json; },
                            [&] { return std::to_string(info.done.size()); });
  if (!info.error.empty()) SinkClient::fail(info);
  return info.refused.empty() ? kExitOk : kExitFailed;
}

}  // namespace muster
