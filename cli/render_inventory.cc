#include "cli/render_inventory.h"

#include <array>

namespace muster {
namespace {

struct Sign {
  const char* text;
  Color color;
};

Sign sign_of(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::added:
      return {"+", Color::good};
    case ChangeKind::removed:
      return {"-", Color::bad};
    case ChangeKind::changed:
      break;
  }
  return {"~", Color::doubt};
}

std::string or_nothing(const std::string& text) { return text.empty() ? "(nothing)" : text; }

std::string arrow(const InventoryChange::Field& field) {
  return or_nothing(field.from) + " -> " + or_nothing(field.to);
}

// "~ device phone-7", and below it the fields of a change.
std::string render_change(const InventoryChange& change, const InventoryPlan& plan,
                          const Look& look) {
  const Sign sign = sign_of(change.kind);
  std::string line = change.part + (change.name.empty() ? "" : " " + change.name);
  const bool whole = change.fields.size() == 1 && change.fields[0].name.empty();
  if (whole) line += ": " + arrow(change.fields[0]);
  const auto holder = plan.holders.find(change.name);
  if (change.part == "device" && holder != plan.holders.end()) {
    line += ": leased by " + holder->second.guid + " (attempt " +
            std::to_string(holder->second.attempt) + "), which goes on; it drains";
  }
  std::string text = paint(sign.text, sign.color, look) + " " + printable(line) + "\n";
  if (whole) return text;
  Fields fields;
  for (const InventoryChange::Field& field : change.fields) fields.add(field.name, arrow(field));
  return text + fields.render(look, "    ");
}

}  // namespace

std::string render_inventory_plan(const InventoryPlan& plan, const Look& look) {
  if (plan.changes.empty()) return printable(plan.file) + ": nothing to do\n";
  std::string text;
  std::array<size_t, 3> counts{};
  for (const InventoryChange& change : plan.changes) {
    text += render_change(change, plan, look);
    ++counts[static_cast<size_t>(change.kind)];
  }
  return text + counted(plan.changes.size(), "change") + ": " + std::to_string(counts[0]) +
         " added, " + std::to_string(counts[1]) + " changed, " + std::to_string(counts[2]) +
         " removed\n";
}

}  // namespace muster
