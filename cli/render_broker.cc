#include "cli/render_broker.h"

#include <algorithm>

#include "core/duration_text.h"
#include "io/clock.h"
#include "io/json_writer.h"

namespace muster {
namespace {

void begin_document(JsonWriter& json, const std::string& name) {
  json.begin_object();
  json.text("schema", "muster." + name + "/1");
}

void write_state(JsonWriter& json, const LogState& state) {
  json.number("tail", state.tail);
  json.number("head", state.head);
  json.number("bytes", state.size.bytes);
  json.number("room_bytes", state.size.room);
  json.seconds("keep_s", state.keeping.age);
  json.number("max_bytes", state.keeping.bytes_max);
  json.number("trimmable_before", state.limit);
  json.begin_array("snapshots");
  for (const uint64_t head : state.snapshots) json.number("", head);
  json.end_array();
  json.begin_array("readers");
  for (const LogReader& reader : state.readers) {
    json.begin_object();
    json.text("name", reader.name);
    json.number("needs", reader.needs);
    json.text("heard", format_rfc3339(reader.heard));
    json.end_object();
  }
  json.end_array();
}

std::string size_text(uint64_t bytes) { return std::to_string((bytes + (1 << 19)) >> 20) + " MiB"; }

}  // namespace

std::string render_log_state(const LogState& state, const Look& look) {
  Fields fields;
  const bool empty = state.head == 0;
  fields.add("events",
             empty ? "none" : std::to_string(state.tail) + " to " + std::to_string(state.head));
  fields.add(
      "size",
      size_text(state.size.bytes) +
          (state.size.room >= 1 << 20 ? ", and room for " + size_text(state.size.room) : ""));
  fields.add(
      "kept",
      format_duration(state.keeping.age) +
          (state.keeping.bytes_max > 0 ? ", at most " + size_text(state.keeping.bytes_max) : ""));
  std::string snapshots;
  for (const uint64_t head : state.snapshots) {
    snapshots += (snapshots.empty() ? "after event " : " and ") + std::to_string(head);
  }
  fields.add("snapshots", snapshots.empty() ? "none yet" : snapshots);
  fields.add("may go", state.limit > state.tail ? counted(state.limit - state.tail, "event") +
                                                      " before " + std::to_string(state.limit)
                                                : "nothing");
  std::string text = fields.render(look);
  if (state.readers.empty()) return text + "\nnobody is registered to read it\n";
  Table table({"READER", "NEEDS", "BEHIND", "HEARD"});
  for (const LogReader& reader : state.readers) {
    const uint64_t behind = state.head + 1 - std::min(reader.needs, state.head + 1);
    table.add({reader.name, std::to_string(reader.needs), std::to_string(behind),
               relative_time(reader.heard, look)});
  }
  return text + "\n" + table.render(look);
}

std::string log_state_json(const LogState& state) {
  JsonWriter json;
  begin_document(json, "event_log");
  write_state(json, state);
  json.end_object();
  return json.take();
}

std::string render_log_check(const LogCheck& check, const Look& look) {
  std::string text;
  for (const SnapshotCheck& snapshot : check.snapshots) {
    text += "snapshot after event " + std::to_string(snapshot.head) + " (" +
            size_text(snapshot.bytes) + "): ";
    if (!snapshot.problem.empty()) {
      text += paint("DAMAGED", Color::bad, look) + ": " + printable(snapshot.problem) + "\n";
    } else {
      text += snapshot.compared ? "is what the events before it give\n"
                                : "can be read; the events before it are gone\n";
    }
  }
  if (!check.problem.empty()) {
    return text + paint("DAMAGED", Color::bad, look) + ": " + printable(check.problem) + "\n";
  }
  return text + counted(check.events, "event") + " in " + counted(check.blocks, "block") + " (" +
         size_text(check.bytes) + "), " + std::to_string(check.tail) + " to " +
         std::to_string(check.head) + ": " +
         (check.sound() ? paint("sound", Color::good, look) : "readable") + "\n";
}

std::string log_check_json(const LogCheck& check) {
  JsonWriter json;
  begin_document(json, "log_check");
  json.boolean("sound", check.sound());
  json.number("tail", check.tail);
  json.number("head", check.head);
  json.number("blocks", check.blocks);
  json.number("events", check.events);
  json.number("bytes", check.bytes);
  if (!check.problem.empty()) json.text("problem", check.problem);
  json.begin_array("snapshots");
  for (const SnapshotCheck& snapshot : check.snapshots) {
    json.begin_object();
    json.number("head", snapshot.head);
    json.number("bytes", snapshot.bytes);
    json.boolean("compared", snapshot.compared);
    if (!snapshot.problem.empty()) json.text("problem", snapshot.problem);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.take();
}

std::string render_trim(const TrimLogReply& reply, bool dry_run) {
  const uint64_t count = reply.before > reply.state.tail ? reply.before - reply.state.tail : 0;
  std::string text = count == 0
                         ? "no event goes"
                         : counted(count, "event") + " before " + std::to_string(reply.before) +
                               (dry_run      ? " would go"
                                : count == 1 ? " goes"
                                             : " go");
  if (!reply.held_by.empty()) text += "; no more, because " + printable(reply.held_by);
  return text + "\n";
}

std::string trim_json(const TrimLogReply& reply, bool dry_run) {
  JsonWriter json;
  begin_document(json, "log_trim");
  json.number("before", reply.before);
  json.boolean("dry_run", dry_run);
  if (!reply.held_by.empty()) json.text("held_by", reply.held_by);
  json.begin_object("log");
  write_state(json, reply.state);
  json.end_object();
  json.end_object();
  return json.take();
}

}  // namespace muster
