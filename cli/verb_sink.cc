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

int do_verb(Session& session, const SinkDeadListOptions& options) {
  const std::vector<DeadLetterInfo> letters = SinkClient(session).dead_letters(options.name);
  Output& output = session.output();
  output.show_list(
      "dead_letter", letters, [&] { return render_letter_table(letters, output.look()); },
      [](const DeadLetterInfo& letter) { return letter.json; },
      [](const DeadLetterInfo& letter) { return std::to_string(letter.seq); });
  return kExitOk;
}

int do_verb(Session& session, const SinkDeadChangeOptions& options) {
  const SinkOrderInfo info =
      SinkClient(session).change_letters(options.name, options.drop, options.seqs);
  session.output().show_one([&] { return render_letter_change(options.name, options.drop, info); },
                            [&] { return info.json; },
                            [&] { return std::to_string(info.done.size()); });
  if (!info.error.empty()) {
    throw Failure{kExitUnreachable, "the collector says: " + info.error, "see: muster sink status"};
  }
  return info.refused.empty() ? kExitOk : kExitFailed;
}

}  // namespace muster
