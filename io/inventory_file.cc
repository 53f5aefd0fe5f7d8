#include "io/inventory_file.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
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

const KeyTable kInventory = {"an inventory",
                             {"version", "kind", "lab", "strategies", "defaults", "workers",
                              "devices", "stacks", "health", "allow", "caps", "shares"},
                             {"hide", "include"}};
const KeyTable kDefaults = {"the defaults of an inventory",
                            {"strategy", "worker", "pools", "profile"}};
const KeyTable kWorker = {"a worker", {"pools"}, {"addr", "key", "slots", "tags", "drain_on"}};
// Beside the keys of its profile, which are free.
const KeyTable kDevice = {
    "a device", {"type", "worker", "pools", "strategy", "owner", "where", "lister", "power"}};
const KeyTable kPower = {"the power of a device", {"command", "url", "method"}};
const KeyTable kStack = {"a stack", {"name", "devices"}};
const KeyTable kCaps = {"caps", {"lab", "pools"}};
const KeyTable kCap = {"a cap", {"max_running", "max_running_per_device"}};
const KeyTable kHealth = {"the health policy", {"quarantine_after", "reverify", "fresh"}};

constexpr Duration kReverifyMin = 1s;  // less would keep a broken device busy
bool contains(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

bool is_profile_key(const std::string& key) {
  return std::find(kDevice.keys.begin() + 1, kDevice.keys.end(), key) == kDevice.keys.end();
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
    read_stacks();
    if (!problems_.has_errors()) warn_of_missing_values();
    read_health();
    read_allow();
    read_caps();
    read_shares();
    return std::move(inventory_);
  }

 private:
  // A strategy file may be at fault; then its devices are not told off for it.
  struct KnownStrategy {
    Selector selector;
    bool usable = false;
    Strategy strategy;  // when it is usable
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
        strategies_.emplace(name, KnownStrategy{usable ? *selector : Selector(), usable,
                                                usable ? file.strategy : Strategy()});
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
    const YamlNode* profile = defaults.map("profile");
    if (profile == nullptr) return;
    for (const YamlEntry& entry : profile->entries) {
      if (is_profile_key(entry.key)) {
        read_profile_entry(entry, defaults_.profile);
      } else {
        scope_.error(entry.at, "\"" + entry.key + "\" is a key of a device, not of its profile");
      }
    }
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
    if (reader.has("type") || !defaults_.profile.contains("type")) {
      reader.string("type", Need::required);
    }
    device.profile = read_profile(entry.value);
    check_serial(device, entry.at);
    device.worker = reader.has("worker") ? read_worker_name(reader) : defaults_.worker;
    device.pools = reader.has("pools") ? reader.names("pools", "pool") : defaults_.pools;
    device.owner = reader.string("owner");
    device.where = reader.string("where");
    if (device.worker.empty() && !reader.has("worker") && worker_names_.size() > 1) {
      scope_.error(entry.at,
                   "device \"" + device.name + "\" needs \"worker\": there is more than one");
    }
    device.lister = reader.name("lister", "lister");
    device.power = read_power(reader);
    device.strategy = choose_strategy(device, reader, entry.at);
    device_marks_.emplace(device.name, entry.at);
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
      // A type of the wrong kind has been reported.
      if (entry.key == "type" && entry.value.kind != YamlNode::Kind::scalar) continue;
      read_profile_entry(entry, profile);
    }
    profile.insert(defaults_.profile.begin(), defaults_.profile.end());
    return profile;
  }

  void read_profile_entry(const YamlEntry& entry, Profile& profile) const {
    if (const std::optional<std::string> reason = invalid_profile_key(entry.key)) {
      scope_.error(entry.at, *reason);
    } else {
      warn_when_mistyped(entry);
    }
    const std::optional<std::string> value =
        read_scalar(entry.value, "profile value \"" + entry.key + "\"", scope_);
    if (value) profile.emplace(entry.key, *value);
  }

  // A serial number names one thing: two devices with the same one are one that was entered twice.
  void check_serial(const DeviceSpec& device, Mark at) {
    const auto serial = device.profile.find("serial");
    if (serial == device.profile.end()) return;
    const auto [known, is_new] = serials_.emplace(serial->second, std::pair(device.name, at));
    if (is_new) return;
    scope_.error(at, "device \"" + device.name + "\" has the serial " + serial->second +
                         ", which device \"" + known->second.first + "\" in line " +
                         std::to_string(known->second.second.line) + " has too");
  }

  PowerSpec read_power(const ObjectReader& device) const {
    const YamlNode* node = device.map("power");
    PowerSpec power;
    if (node == nullptr) return power;
    const ObjectReader reader(*node, kPower, scope_);
    power.argv = resolve_program(reader.command("command"), scope_);
    power.url = reader.string("url");
    power.method = reader.string("method");
    if (reader.has("command") == reader.has("url")) {
      scope_.error(node->at, "power is switched by either a \"command\" or a \"url\"");
    } else if (reader.has("method") && !reader.has("url")) {
      reader.error("method", "\"method\" goes with \"url\"");
    }
    const bool is_http = power.url.starts_with("http://") || power.url.starts_with("https://");
    if (reader.has("url") && !is_http) {
      reader.error("url", "the URL must begin with http:// or https://");
    }
    for (const std::string& argument : power.argv) check_power_text(reader, "command", argument);
    check_power_text(reader, "url", power.url);
    return power;
  }

  static void check_power_text(const ObjectReader& reader, std::string_view key,
                               const std::string& text) {
    if (const auto reason = invalid_power_placeholders(text)) reader.error(key, *reason);
  }

  // Profile keys are free, so a mistyped key of ours would pass as one.
  void warn_when_mistyped(const YamlEntry& entry) const {
    if (entry.key == "type") return;
    const std::string meant = suggestion(entry.key, kDevice.keys);
    if (meant.empty()) return;
    scope_.warn(entry.at, "\"" + entry.key + "\" is taken as a key of the profile" + meant);
  }

  // The strategy that the device names, the default where it is for such devices, or the only one
  // that is.
  std::string choose_strategy(const DeviceSpec& device, const ObjectReader& reader, Mark at) const {
    const Profile profile = match_profile(device);
    if (reader.has("strategy")) {
      const std::string name = read_strategy_name(reader);
      if (!is_for(name, profile)) {
        reader.error("strategy", "strategy \"" + name + "\" is for " +
                                     strategies_.at(name).selector.canonical() +
                                     ", which device \"" + device.name + "\" is not");
      }
      return name;
    }
    if (!defaults_.strategy.empty() && is_for(defaults_.strategy, profile)) {
      return defaults_.strategy;
    }
    std::string chosen;
    for (const auto& [name, strategy] : strategies_) {
      // One without a selector is taken by name only.
      if (strategy.selector.empty() || !is_for(name, profile)) continue;
      if (!chosen.empty()) {
        scope_.error(at, "device \"" + device.name + "\" names no strategy, and both \"" + chosen +
                             "\" and \"" + name + "\" are for it; name one of them");
        return chosen;
      }
      chosen = name;
    }
    return chosen;
  }

  // Of a strategy that is unknown or at fault, which has been reported, everything is true.
  bool is_for(const std::string& name, const Profile& profile) const {
    const auto found = strategies_.find(name);
    if (found == strategies_.end() || !found->second.usable) return true;
    return found->second.selector.matches(profile);
  }

  void read_stacks() {
    const YamlNode* stacks = root_.value("stacks");
    if (stacks == nullptr) return;
    if (stacks->kind == YamlNode::Kind::map) {
      for (const YamlEntry& entry : stacks->entries) {
        if (entry.value.kind == YamlNode::Kind::list) {
          read_stack(entry.key, entry.at, entry.value);
        } else {
          scope_.error(entry.value.at,
                       "a stack must be a list of devices, not " + describe(entry.value));
        }
      }
    } else if (stacks->kind == YamlNode::Kind::list) {
      for (const YamlNode& item : stacks->items) {
        const ObjectReader reader(item, kStack, scope_);
        if (item.kind != YamlNode::Kind::map) continue;
        const std::string name = reader.string("name", Need::required);
        const YamlNode* members = reader.list("devices", Need::required);
        if (members != nullptr && !name.empty()) read_stack(name, reader.at("name"), *members);
      }
    } else {
      root_.error("stacks",
                  "\"stacks\" must be a map of lists, or a list, not " + describe(*stacks));
    }
  }

  void read_stack(const std::string& name, Mark at, const YamlNode& members) {
    if (const std::optional<std::string> reason = invalid_name(name, "stack")) {
      scope_.error(at, *reason);
    }
    if (!stack_names_.insert(name).second) {
      scope_.error(at, "stack \"" + name + "\" is named twice");
    }
    StackSpec stack;
    stack.name = name;
    std::vector<const DeviceSpec*> devices;
    for (const YamlNode& item : members.items) {
      const std::optional<std::string> member = read_scalar(item, "a device of a stack", scope_);
      if (!member) continue;
      const DeviceSpec* device = find_device(*member);
      if (device == nullptr) {
        scope_.error(item.at,
                     "no device is named \"" + *member + "\"" + device_suggestion(*member));
      } else if (contains(stack.members, *member)) {
        scope_.error(item.at, "device \"" + *member + "\" is in the stack twice");
      } else {
        devices.push_back(device);
      }
      stack.members.push_back(*member);
    }
    if (members.items.size() < 2 || members.items.size() > kStackMembersMax) {
      scope_.error(at, "a stack has 2 to " + std::to_string(kStackMembersMax) + " devices; \"" +
                           name + "\" has " + std::to_string(members.items.size()));
    }
    check_one_worker(name, at, devices);
    check_companions(stack.members, members);
    inventory_.stacks.push_back(std::move(stack));
  }

  // Whoever gets a device gets all of its stacks. Said once of each device.
  void check_companions(const std::vector<std::string>& stack, const YamlNode& members) {
    for (const YamlNode& item : members.items) {
      if (find_device(item.text) == nullptr) continue;
      std::set<std::string>& together = together_[item.text];
      const bool fitted = together.size() <= kDevicesPerLeaseMax;
      together.insert(stack.begin(), stack.end());
      if (!fitted || together.size() <= kDevicesPerLeaseMax) continue;
      scope_.error(item.at, "device \"" + item.text + "\" is in stacks with more than " +
                                std::to_string(kDevicesPerLeaseMax - 1) +
                                " other devices, which would all be leased with it");
    }
  }

  void check_one_worker(const std::string& stack, Mark at,
                        const std::vector<const DeviceSpec*>& devices) const {
    for (const DeviceSpec* device : devices) {
      if (device->worker == devices[0]->worker) continue;
      scope_.error(at, "the devices of stack \"" + stack + "\" have different workers: \"" +
                           devices[0]->name + "\" has " + devices[0]->worker + ", \"" +
                           device->name + "\" has " + device->worker +
                           "; one worker must reach all of them");
      return;
    }
  }

  const DeviceSpec* find_device(const std::string& name) const {
    const auto found = std::lower_bound(
        inventory_.devices.begin(), inventory_.devices.end(), name,
        [](const DeviceSpec& device, const std::string& wanted) { return device.name < wanted; });
    return found != inventory_.devices.end() && found->name == name ? &*found : nullptr;
  }

  // Takes a while in a large inventory, so it is not done for errors that nobody will see.
  std::string device_suggestion(const std::string& name) const {
    if (scope_.errors() >= kErrorsPerFileMax) return "";
    std::vector<std::string> names;
    for (const DeviceSpec& device : inventory_.devices) names.push_back(device.name);
    return suggestion(name, names);
  }

  // It would be found out when the device is verified, or worse, when it is ill.
  void warn_of_missing_values() const {
    std::map<std::string, std::set<std::string>> companions;
    for (const StackSpec& stack : inventory_.stacks) {
      for (const std::string& member : stack.members) {
        companions[member].insert(stack.members.begin(), stack.members.end());
      }
    }
    for (const DeviceSpec& device : inventory_.devices) {
      const auto known = strategies_.find(device.strategy);
      if (known == strategies_.end() || !known->second.usable) continue;
      std::vector<DeviceSpec> stack = {device};
      for (const std::string& member : companions[device.name]) {
        if (member != device.name) stack.push_back(*find_device(member));
      }
      for (const StrategyProblem& problem :
           missing_values(known->second.strategy, {&device, stack, "guid"})) {
        scope_.warn(device_marks_.at(device.name), "device \"" + device.name +
                                                       "\": " + problem.where + " of strategy \"" +
                                                       device.strategy + "\": " + problem.message);
      }
    }
  }

  void read_health() {
    const YamlNode* node = root_.map("health");
    if (node == nullptr) return;
    const ObjectReader reader(*node, kHealth, scope_);
    HealthPolicy& health = inventory_.health;
    health.quarantine_after = static_cast<uint32_t>(
        reader.integer("quarantine_after", {1, kQuarantineAfterMax}, health.quarantine_after));
    health.reverify = reader.durations("reverify", kReverifyStepsMax, health.reverify);
    health.fresh = reader.duration("fresh", health.fresh);
    for (const Duration pause : health.reverify) {
      if (pause >= kReverifyMin) continue;
      reader.error("reverify", "a pause must be at least " + format_duration(kReverifyMin));
      return;
    }
  }

  void read_allow() {
    const YamlNode* list = root_.list("allow");
    if (list == nullptr) return;
    for (const YamlNode& item : list->items) {
      inventory_.allow.push_back(read_selector(item, scope_));
    }
  }

  void read_caps() {
    const YamlNode* node = root_.map("caps");
    if (node == nullptr) return;
    const ObjectReader caps(*node, kCaps, scope_);
    if (const YamlNode* lab = caps.map("lab")) read_cap("", *lab);
    const YamlNode* pools = caps.map("pools");
    if (pools == nullptr) return;
    for (const YamlEntry& entry : pools->entries) {
      if (const std::optional<std::string> reason = invalid_name(entry.key, "pool")) {
        scope_.error(entry.at, *reason);
      }
      read_cap(entry.key, entry.value);
    }
  }

  void read_cap(const std::string& pool, const YamlNode& node) {
    const ObjectReader reader(node, kCap, scope_);
    if (node.kind != YamlNode::Kind::map) return;
    Cap cap{pool, 0, 0};
    const auto read = [&](const char* key, uint32_t& bound) {
      if (reader.has(key)) bound = static_cast<uint32_t>(reader.integer(key, {1, kCapMax}, 1));
    };
    read("max_running", cap.max_running);
    read("max_running_per_device", cap.max_running_per_device);
    if (node.entries.empty()) {
      scope_.error(node.at, "a cap needs \"max_running\" or \"max_running_per_device\"");
    }
    inventory_.caps.push_back(std::move(cap));
  }

  void read_shares() {
    const YamlNode* node = root_.map("shares");
    if (node == nullptr) return;
    KeyTable submitters = {"shares", {}};
    for (const YamlEntry& entry : node->entries) submitters.keys.push_back(entry.key);
    const ObjectReader reader(*node, submitters, scope_);
    for (const YamlEntry& entry : node->entries) {
      const auto weight = static_cast<uint32_t>(reader.integer(entry.key, {1, kWeightMax}, 1));
      inventory_.shares.push_back({entry.key, weight});
    }
  }

  ObjectReader root_;
  const FileScope& scope_;
  FileProblems& problems_;
  Inventory inventory_;
  std::vector<std::string> worker_names_;
  std::map<std::string, KnownStrategy> strategies_;
  std::set<std::string> stack_names_;
  std::map<std::string, std::set<std::string>> together_;  // the members of a device's stacks
  bool some_strategy_unnamed_ = false;
  std::map<std::string, std::pair<std::string, Mark>> serials_;  // whose, and where it stands
  std::map<std::string, Mark> device_marks_;
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
  return {{"inventory", &kInventory}, {"defaults", &kDefaults}, {"worker", &kWorker},
          {"device", &kDevice},       {"power", &kPower},       {"stack", &kStack},
          {"health", &kHealth},       {"caps", &kCaps},         {"cap", &kCap}};
}

}  // namespace muster
