#include "cli/render_sink.h"

#include "cli/values.h"
#include "core/duration_text.h"

namespace muster {

std::string render_sink_table(const std::vector<SinkInfo>& sinks, const Look& look) {
  Table table({"SINK", "STATE", "EVENT", "BEHIND", "FOR", "DEAD", "PLACE"});
  std::string errors;
  for (const SinkInfo& sink : sinks) {
    const bool failing = !sink.error.empty();
    const Color color = failing ? Color::bad : sink.state == "ok" ? Color::good : Color::doubt;
    const Duration lag = std::chrono::floor<std::chrono::seconds>(sink.lag);
    table.add({sink.name, Cell(sink.state, color), std::to_string(sink.cursor),
               std::to_string(sink.lag_events), lag > Duration(0) ? format_duration(lag) : "",
               Cell(std::to_string(sink.dead_letters),
                    sink.dead_letters > 0 ? Color::doubt : Color::none),
               sink.place});
    if (failing) {
      errors += printable(sink.name) + ": " + printable(sink.error) + " (again " +
                relative_time(sink.retry_at, look) + ")\n";
    }
  }
  return table.render(look) + errors;
}

std::string render_letter_table(const std::vector<DeadLetterInfo>& letters, const Look& look) {
  if (letters.empty()) return "no dead letters\n";
  Table table({"SEQ", "BURIED", "TYPE", "GUID", "ANSWER"});
  for (const DeadLetterInfo& letter : letters) {
    table.add({std::to_string(letter.seq), relative_time(letter.buried, look), letter.type,
               letter.guid, letter.answer});
  }
  return table.render(look);
}

std::string render_letter_change(const std::string& sink, bool drop, const SinkOrderInfo& info) {
  const std::string count = counted(info.done.size(), "letter");
  std::string text = printable(sink) + ": " + count + (drop ? " dropped\n" : " delivered\n");
  for (const auto& [seq, answer] : info.refused) {
    text += "event " + std::to_string(seq) + " was refused again: " + printable(answer) + "\n";
  }
  return text;
}

}  // namespace muster
