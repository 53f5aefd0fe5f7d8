#include "cli/render_sink.h"

#include "cli/values.h"
#include "core/duration_text.h"

namespace muster {
namespace {

// A delivery that takes so long is worth a word: its place may hang.
constexpr Duration kLongDelivery = 10s;

std::string number_or_unknown(const std::optional<uint64_t>& number) {
  return number ? std::to_string(*number) : "?";
}

// What the table does not say.
std::string render_trouble(const SinkInfo& sink, const Look& look) {
  const std::string name = printable(sink.name) + ": ";
  std::string text;
  if (!sink.error.empty()) {
    const bool waits = sink.retry_at != kNever && sink.retry_at > look.now;
    text +=
        name + printable(sink.error) +
        (waits ? " (again " + relative_time(sink.retry_at, look) + ")" : " (being tried again)") +
        "\n";
  }
  if (sink.delivering_since != kNever && look.now - sink.delivering_since >= kLongDelivery) {
    text += name + "a delivery is under way that began " +
            relative_time(sink.delivering_since, look) + "\n";
  }
  if (sink.unknown > 0) {
    const std::string first = std::to_string(sink.first_unknown);
    text += name + counted(sink.unknown, "event") +
            " of types that the collector does not know, from " + first +
            " on, left out: update it, and then: muster sink replay " + printable(sink.name) +
            " --from " + first + "\n";
  }
  return text;
}

}  // namespace

std::string render_sink_table(const std::vector<SinkInfo>& sinks, const Look& look) {
  Table table({"SINK", "STATE", "EVENT", "BEHIND", "FOR", "DEAD", "PLACE"});
  std::string trouble;
  for (const SinkInfo& sink : sinks) {
    const bool failing = !sink.error.empty();
    const Color color = failing ? Color::bad : sink.state == "ok" ? Color::good : Color::doubt;
    const Duration lag = std::chrono::floor<std::chrono::seconds>(sink.lag);
    table.add({sink.name, Cell(sink.state, color), number_or_unknown(sink.cursor),
               number_or_unknown(sink.lag_events), lag > Duration(0) ? format_duration(lag) : "",
               Cell(number_or_unknown(sink.dead_letters),
                    sink.dead_letters == 0u ? Color::none : Color::doubt),
               sink.place});
    trouble += render_trouble(sink, look);
  }
  return table.render(look) + trouble;
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
