#include "io/inventory_file.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "core/duration_text.h"
#include "core/guid.h"
#include "core/limits.h"
#include "core/selector.h"
#include "core/suggest.h"
#include "io/codec.h"
#include "io/strategy_file.h"

namespace muster {
namespace {

const KeyTable kInventory = {
    "an inventory",
    {"version", "kind", "lab", "strategies", "defaults", "workers", "devices"},
    {"stacks", "hide", "include"}};
const KeyTable kDefaults = {
    "the defaults of an inventory", {"strategy", "worker", "pools"}, {"health"}};
const KeyTable kWorker = {"a worker", {"pools"}, {"addr", "key", "slots", "tags", "drain_on"}};
// Beside the keys of its profile, which are free.
const KeyTable kDevice = {"a device", {"type", "worker", "pools", "strategy", "owner", "where"}};
// match_profile gives these a meaning of their own.
const std::vector<std::string> kReservedProfileKeys = {"name", "pool"};

bool is_profile_key(const std::string& key) {
  return std::find(kDevice.keys.begin() + 1, kDevice.keys.end(), key) == kDevice.keys.end();
}

// What selectors can name: a term that is nothing but the key.
bool can_be_selected(const std::string& key) {
  const Result<Selector> selector = Selector::parse(key);
  return selector.ok() && selector->canonical() == key && key.front() != '!' &&
         key.find_first_of(",= ") == std::string::npos;
}

class InventoryReader {
 public:
  InventoryReader(const YamlNode& root, const FileScope& scope, FileProblems& problems)
      : root_(root, kInventory, scope), scope_(scope), problems_(problems) {}

  Inventory read() {
    root_.check_header({"inventory"});
    inventory_.lab = root_.name("lab", "lab", Need::required);
    read_strategies();
    read_workers();
    read_defaults();
    read_devices();
    std::sort(inventory_.devices.begin(), inventory_.devices.end(),
              [](const DeviceSpec& a, const DeviceSpec& b) { return a.name < b.name; });
    return std::move(inventory_);
  }

 private:
  // A strategy file may be at fault; then its devices are not told off for it.
  struct KnownStrategy {
    Selector selector;
    bool usable = false;
  };

  void read_strategies() {
    const YamlNode* list = root_.list("strategies");
    if (list == nullptr) return;
    for (const YamlNode& item : list->items) {
      const std::optional<std::string> path = read_scalar(item, "the path of a strategy", scope_);
      if (path) read_strategy(scope_.resolve(*path), item.at);
    }
  }

  void read_strategy(const std::string& path, Mark at) {
    StrategyFile file = load_strategy_file(path);
    problems_.add_all(file.problems);
    const std::string& name = file.strategy.name;
    if (name.empty()) {
      some_strategy_unnamed_ = true;
      return;
    }
    const Result<Selector> selector = Selector::parse(file.strategy.for_selector);
    const bool usable = !file.problems.has_errors() && selector.ok();
    const auto [known, is_new] =
        strategies_.emplace(name, KnownStrategy{usable ? *selector : Selector(), usable});
    if (!is_new) {
      scope_.error(at, "strategy \"" + name + "\" of " + path + " is already in this inventory");
      return;
    }
    if (!usable) return;
    std::string bytes = encode_strategy(file.strategy);
    if (bytes.size() > kStrategyBytesMax) {
      scope_.error(at, path + " is larger than " + format_size(kStrategyBytesMax));
      return;
    }
    inventory_.strategies.push_back({name, std::move(bytes)});
  }

  void read_workers() {
    const YamlNode* workers = root_.map("workers", Need::required);
    if (workers == nullptr) return;
    for (const YamlEntry& entry : workers->entries) {
      if (const std::optional<std::string> reason = invalid_name(entry.key, "worker")) {
        scope_.error(entry.at, *reason);
      }
      WorkerSpec worker;
      worker.name = entry.key;
      if (entry.value.kind != YamlNode::Kind::null) {
        worker.pools = ObjectReader(entry.value, kWorker, scope_).names("pools", "pool");
      }
      worker_names_.push_back(worker.name);
      inventory_.workers.push_back(std::move(worker));
    }
    if (workers->entries.empty()) root_.error("workers", "an inventory needs a worker");
  }

  void read_defaults() {
    if (worker_names_.size() == 1) defaults_.worker = worker_names_.front();
    const YamlNode* node = root_.map("defaults");
    if (node == nullptr) return;
    const ObjectReader defaults(*node, kDefaults, scope_);
    if (defaults.has("worker")) defaults_.worker = read_worker_name(defaults);
    defaults_.strategy = read_strategy_name(defaults);
    defaults_.pools = defaults.names("pools", "pool");
  }

  std::string read_worker_name(const ObjectReader& reader) const {
    const std::string name = reader.string("worker", Need::required);
    const bool known =
        std::find(worker_names_.begin(), worker_names_.end(), name) != worker_names_.end();
    if (!known && !name.empty()) {
      reader.error("worker",
                   "no worker is named \"" + name + "\"" + suggestion(name, worker_names_));
    }
    return name;
  }

  std::string read_strategy_name(const ObjectReader& reader) const {
    const std::string name = reader.string("strategy");
    if (name.empty() || strategies_.contains(name)) return name;
    // It may be the one whose file could not be read, which has been reported.
    if (some_strategy_unnamed_) return name;
    std::vector<std::string> names;
    for (const auto& [known, ignored] : strategies_) names.push_back(known);
    reader.error("strategy", "no strategy file of this inventory has the name \"" + name + "\"" +
                                 suggestion(name, names));
    return name;
  }

  void read_devices() {
    const YamlNode* devices = root_.map("devices", Need::required);
    if (devices == nullptr) return;
    if (devices->entries.size() > kInventoryDevicesMax) {
      root_.error("devices",
                  "an inventory has at most " + std::to_string(kInventoryDevicesMax) + " devices");
      return;
    }
    for (const YamlEntry& entry : devices->entries) read_device(entry);
  }

  void read_device(const YamlEntry& entry) {
    if (const std::optional<std::string> reason = invalid_name(entry.key, "device")) {
      scope_.error(entry.at, *reason);
    }
    const KeyTable keys = keys_of(entry.value);
    const ObjectReader reader(entry.value, keys, scope_);
    if (entry.value.kind != YamlNode::Kind::map) return;
    DeviceSpec device;
    device.name = entry.key;
    reader.string("type", Need::required);
    device.profile = read_profile(entry.value);
    device.worker = reader.has("worker") ? read_worker_name(reader) : defaults_.worker;
    device.pools = reader.has("pools") ? reader.names("pools", "pool") : defaults_.pools;
    device.strategy = reader.has("strategy") ? read_strategy_name(reader) : defaults_.strategy;
    device.owner = reader.string("owner");
    device.where = reader.string("where");
    if (device.worker.empty() && !reader.has("worker") && worker_names_.size() > 1) {
      scope_.error(entry.at,
                   "device \"" + device.name + "\" needs \"worker\": there is more than one");
    }
    check_strategy_fits(device, reader);
    inventory_.devices.push_back(std::move(device));
  }

  // Our keys and the device's own: nothing in it is unknown.
  static KeyTable keys_of(const YamlNode& device) {
    KeyTable keys = kDevice;
    for (const YamlEntry& entry : device.entries) keys.keys.push_back(entry.key);
    return keys;
  }

  Profile read_profile(const YamlNode& device) const {
    Profile profile;
    for (const YamlEntry& entry : device.entries) {
      if (!is_profile_key(entry.key)) continue;
      const auto reserved =
          std::find(kReservedProfileKeys.begin(), kReservedProfileKeys.end(), entry.key);
      if (reserved != kReservedProfileKeys.end()) {
        scope_.error(entry.at, "\"" + entry.key + "\" cannot be a key of a profile" +
                                   (entry.key == "pool" ? "; did you mean pools?" : ""));
      } else if (!can_be_selected(entry.key)) {
        scope_.error(entry.at, "a key of a profile is made of letters, digits and . _ - / : @ +");
      } else {
        warn_when_mistyped(entry);
      }
      if (entry.key == "type" && entry.value.kind != YamlNode::Kind::scalar) continue;
      const std::optional<std::string> value =
          read_scalar(entry.value, "profile value \"" + entry.key + "\"", scope_);
      if (value) profile.emplace(entry.key, *value);
    }
    return profile;
  }

  // Profile keys are free, so a mistyped key of ours would pass as one.
  void warn_when_mistyped(const YamlEntry& entry) const {
    if (entry.key == "type") return;
    const std::string meant = suggestion(entry.key, kDevice.keys);
    if (meant.empty()) return;
    scope_.warn(entry.at, "\"" + entry.key + "\" is taken as a key of the profile" + meant);
  }

  void check_strategy_fits(const DeviceSpec& device, const ObjectReader& reader) const {
    const auto found = strategies_.find(device.strategy);
    if (found == strategies_.end() || !found->second.usable) return;
    if (found->second.selector.matches(match_profile(device))) return;
    reader.error("strategy", "strategy \"" + device.strategy + "\" is for " +
                                 found->second.selector.canonical() + ", which device \"" +
                                 device.name + "\" is not");
  }

  ObjectReader root_;
  const FileScope& scope_;
  FileProblems& problems_;
  Inventory inventory_;
  std::vector<std::string> worker_names_;
  std::map<std::string, KnownStrategy> strategies_;
  bool some_strategy_unnamed_ = false;
  DeviceSpec defaults_;
};

}  // namespace

InventoryFile load_inventory_file(const std::string& path) {
  InventoryFile file;
  const FileScope scope(path, file.problems);
  const YamlNode root = load_yaml_document(scope);
  if (root.kind == YamlNode::Kind::null && file.problems.has_errors()) return file;
  file.inventory = InventoryReader(root, scope, file.problems).read();
  return file;
}

std::vector<NamedKeyTable> inventory_file_keys() {
  return {{"inventory", &kInventory},
          {"defaults", &kDefaults},
          {"worker", &kWorker},
          {"device", &kDevice}};
}

}  // namespace muster
