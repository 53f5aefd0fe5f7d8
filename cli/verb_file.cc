// Verbs about files that people write: inventory check, diff and apply, strategy check and tree.
// Also version, which asks nobody either.
#include "cli/verb_file.h"

#include <algorithm>
#include <map>

#include "cli/render_inventory.h"
#include "cli/render_strategy.h"
#include "cli/verbs.h"
#include "io/inventory_file.h"
#include "io/strategy_file.h"

namespace muster {

void print_problems(Output& output, const FileProblems& problems) {
  const std::string text = problems.to_text();
  if (!text.empty()) output.talk(text.substr(0, text.size() - 1));
}

int show_files(Output& output, const std::vector<CheckedFile>& files) {
  size_t errors = 0;
  for (const CheckedFile& file : files) {
    errors += file.problems.errors();
    if (output.format() == Format::human || output.format() == Format::quiet) {
      print_problems(output, file.problems);
    }
  }
  output.show_list(
      "file", files,
      [&] {
        std::string text;
        for (const CheckedFile& file : files) {
          if (!file.problems.has_errors()) text += printable(file.path) + ": ok\n";
        }
        return text;
      },
      [](const CheckedFile& file) { return file_json(file.path, file.problems); },
      [](const CheckedFile& file) { return file.path; });
  return errors == 0 ? kExitOk : kExitUsageError;
}

namespace {

// What applying `file` would change.
InventoryPlan make_plan(Session& session, const std::string& file) {
  InventoryPlan plan;
  plan.file = file;
  const Inventory wanted = load_inventory_or_throw(session.output(), file);
  const CurrentInventory current = session.ask_for<CurrentInventory>(AskInventory{});
  plan.changes = diff_inventories(current.inventory ? *current.inventory : Inventory{}, wanted);
  const bool removes =
      std::any_of(plan.changes.begin(), plan.changes.end(), [](const InventoryChange& change) {
        return change.kind == ChangeKind::removed && change.part == "device";
      });
  if (!removes) return plan;
  std::map<std::string, AttemptToken> held;
  for (const DeviceInfo& device : session.devices()) {
    if (!device.held_by.guid.empty()) held.emplace(device.spec.name, device.held_by);
  }
  for (const InventoryChange& change : plan.changes) {
    const auto holder = held.find(change.name);
    if (change.kind != ChangeKind::removed || change.part != "device" || holder == held.end()) {
      continue;
    }
    plan.holders.insert(*holder);
  }
  return plan;
}

// What is gone from the inventory and still leased.
void tell_draining(Session& session) {
  for (const DeviceInfo& device : session.devices()) {
    if (!device.draining) continue;
    session.output().talk(printable(
        "device " + device.spec.name + " is removed and leased by " + device.held_by.guid +
        " (attempt " + std::to_string(device.held_by.attempt) + "), which goes on; it drains"));
  }
}

}  // namespace

Inventory load_inventory_or_throw(Output& output, const std::string& path) {
  InventoryFile file = load_inventory_file(path);
  print_problems(output, file.problems);
  if (!file.problems.has_errors()) return std::move(file.inventory);
  throw Failure{kExitUsageError,
                counted(file.problems.errors(), "error") + " in " + path + "; nothing was applied",
                "the broker keeps the inventory it has"};
}

Strategy load_strategy_or_throw(Output& output, const std::string& path) {
  StrategyFile file = load_strategy_file(path);
  print_problems(output, file.problems);
  if (!file.problems.has_errors()) return std::move(file.strategy);
  throw Failure{kExitUsageError, counted(file.problems.errors(), "error") + " in " + path, ""};
}

InventoryReply apply_inventory(Session& session, const std::string& path) {
  ApplyInventory request;
  request.inventory =
      std::make_shared<const Inventory>(load_inventory_or_throw(session.output(), path));
  request.who = Session::user();
  session.set_role(Role::admin);
  return session.ask_for<InventoryReply>(request);
}

int do_verb(Session& session, const InventoryOptions& options) {
  Output& output = session.output();
  if (options.verb == InventoryVerb::check) {
    return show_files(output, {{options.file, load_inventory_file(options.file).problems}});
  }
  if (options.verb == InventoryVerb::diff || options.dry_run) {
    const InventoryPlan plan = make_plan(session, options.file);
    output.show_one([&] { return render_inventory_plan(plan, output.look()); },
                    [&] { return inventory_diff_json(plan); }, [&] { return options.file; });
    const bool differs = options.verb == InventoryVerb::diff && !plan.changes.empty();
    return differs ? kExitFailed : kExitOk;
  }
  const InventoryReply reply = apply_inventory(session, options.file);
  if (reply.devices_removed > 0) tell_draining(session);
  output.show_one(
      [&] {
        return "applied " + printable(options.file) + ": " +
               counted(reply.devices_added, "device") + " added, " +
               std::to_string(reply.devices_changed) + " changed, " +
               std::to_string(reply.devices_removed) + " removed\n";
      },
      [&] { return inventory_json(options.file, reply); }, [&] { return options.file; });
  return kExitOk;
}

int do_verb(Output& output, const StrategyCheckOptions& options) {
  std::vector<CheckedFile> files;
  for (const std::string& path : options.files) {
    files.push_back({path, load_strategy_file(path).problems});
  }
  return show_files(output, files);
}

int do_verb(Output& output, const StrategyTreeOptions& options) {
  const Strategy strategy = load_strategy_or_throw(output, options.file);
  output.show_one([&] { return render_strategy_tree(strategy, options.brief); },
                  [&] { return strategy_json(strategy); }, [&] { return strategy.name; });
  return kExitOk;
}

int do_verb(Output& output, const VersionOptions&) {
  output.show_one([] { return std::string("muster ") + MUSTER_VERSION + "\n"; }, version_json,
                  [] { return std::string(MUSTER_VERSION); });
  return kExitOk;
}

}  // namespace muster
