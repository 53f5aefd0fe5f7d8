// The verbs of muster device.
#include "cli/parse_kit.h"
#include "core/limits.h"

namespace muster {
namespace {

void add_device_change(Parse& parse, CLI::App* group, DeviceChange change,
                       const std::string& description, const std::string& example) {
  const std::string name(to_string(change));
  auto [verb, options] =
      add_verb<DeviceChangeOptions>(parse, group, name, description, "  muster device " + example);
  options->change = change;
  add_devices(verb, &options->devices);
  const bool must_say_why = change == DeviceChange::lock || change == DeviceChange::quarantine;
  if (must_say_why) return add_reason(verb, &options->reason);
  add_text(verb, "--reason", &options->reason, "TEXT", "Why, for those who wonder later");
}

void add_device_ways(Parse& parse, CLI::App* group) {
  add_device_change(parse, group, DeviceChange::lock, "Keep devices to yourself: nothing uses them",
                    "lock phone-7 --reason 'new screen'");
  add_device_change(parse, group, DeviceChange::unlock, "Give locked devices back",
                    "unlock phone-7");
  add_device_change(parse, group, DeviceChange::quarantine,
                    "Keep devices from jobs until they are released",
                    "quarantine -l rack=3 --reason 'no air in rack 3'");
  add_device_change(parse, group, DeviceChange::release,
                    "Let devices have jobs again, whatever was found before",
                    "release phone-7 --reason 'battery replaced'");
  auto [verb, options] = add_verb<DeviceHistoryOptions>(
      parse, group, "history", "What a device went through, oldest first",
      "  muster device history phone-7\n"
      "  muster device history phone-7 --max 500 -o jsonl");
  add_word(verb, "DEVICE", &options->name, "Name of a device")->required();
  add_number(
      verb, "-n,--max", 1, kListTasksMax,
      [target = options](uint64_t n) { target->count_max = static_cast<uint32_t>(n); },
      "At most so many entries, the newest (default: 50)");
}

}  // namespace

void add_devices(CLI::App* app, DeviceChoice* target) {
  add_words(app, "DEVICE", &target->names, "Names of devices");
  add_text(app, "-l,--selector", &target->selector, "SEL", "Devices that match, e.g. k=v,k2!=v");
}

void add_device_verbs(Parse& parse) {
  CLI::App* device = add_group(parse, "device", "Devices, their state and health");
  {
    auto [verb, options] =
        add_verb<DeviceListOptions>(parse, device, "ls", "Devices of the inventory",
                                    "  muster device ls\n"
                                    "  muster device ls -l type=handset");
    add_text(verb, "-l,--selector", &options->selector, "SEL", "Only those that match");
  }
  {
    auto [verb, options] = add_verb<DeviceShowOptions>(
        parse, device, "show", "Everything about devices", "  muster device show phone-7");
    add_words(verb, "DEVICE", &options->names, "Names of devices")->required();
  }
  add_device_ways(parse, device);
}

}  // namespace muster
