// muster device ls, show, lock, unlock, quarantine and release; worker ls.
#include <algorithm>

#include "cli/render_device.h"
#include "cli/values.h"
#include "cli/verbs.h"
#include "core/guid.h"

namespace muster {
namespace {

constexpr size_t kDevicesPerChangeMax = 1'000;  // of one message

}  // namespace

int do_verb(Session& session, const DeviceListOptions& options) {
  Output& output = session.output();
  const std::vector<DeviceInfo> devices = session.devices(options.selector);
  output.show_list(
      "device", devices, [&] { return render_device_table(devices, output.look()); }, device_json,
      [](const DeviceInfo& device) { return device.spec.name; });
  return kExitOk;
}

int do_verb(Session& session, const DeviceShowOptions& options) {
  Output& output = session.output();
  std::vector<DeviceInfo> devices;
  for (const std::string& name : options.names) {
    std::vector<DeviceInfo> named = session.devices_named(name);
    if (named.empty()) session.throw_no_device(name);
    devices.push_back(std::move(named.front()));
  }
  const auto human = [&] {
    std::string text;
    for (const DeviceInfo& device : devices) {
      if (!text.empty()) text += "\n";
      text += render_device(device, output.look());
    }
    return text;
  };
  if (devices.size() == 1) {
    output.show_one(
        human, [&] { return device_json(devices.front()); },
        [&] { return devices.front().spec.name; });
  } else {
    output.show_list("device", devices, human, device_json,
                     [](const DeviceInfo& device) { return device.spec.name; });
  }
  return kExitOk;
}

int do_verb(Session& session, const DeviceChangeOptions& options) {
  Output& output = session.output();
  session.set_role(Role::admin);
  std::vector<std::string> names = options.devices.names;
  if (names.empty()) {
    for (const DeviceInfo& device : session.devices(options.devices.selector)) {
      names.push_back(device.spec.name);
    }
    if (names.empty()) {
      throw Failure{kExitUsageError, "no device matches " + quote_text(options.devices.selector),
                    "see: muster device ls"};
    }
  }
  std::vector<ChangeDevicesReply::Outcome> results;
  for (size_t at = 0; at < names.size(); at += kDevicesPerChangeMax) {
    ChangeDevices change{{}, options.change, options.reason, Session::user()};
    const size_t end = std::min(at + kDevicesPerChangeMax, names.size());
    change.names.assign(names.begin() + static_cast<std::ptrdiff_t>(at),
                        names.begin() + static_cast<std::ptrdiff_t>(end));
    ChangeDevicesReply reply = session.ask_for<ChangeDevicesReply>(change);
    for (ChangeDevicesReply::Outcome& result : reply.results) results.push_back(std::move(result));
  }
  output.show_list(
      "device_change", results,
      [&] { return render_device_changes(results, options.change, output.look()); },
      [&](const ChangeDevicesReply::Outcome& result) {
        return device_change_json(result, options.change);
      },
      [](const ChangeDevicesReply::Outcome& result) { return result.name; });
  const bool refused = std::any_of(
      results.begin(), results.end(),
      [](const ChangeDevicesReply::Outcome& result) { return !result.refused.empty(); });
  return refused ? kExitUsageError : kExitOk;
}

int do_verb(Session& session, const WorkerListOptions&) {
  Output& output = session.output();
  const std::vector<WorkerInfo> workers = session.ask_for<WorkerList>(ListWorkers{}).workers;
  output.show_list(
      "worker", workers, [&] { return render_worker_table(workers, output.look()); }, worker_json,
      [](const WorkerInfo& worker) { return worker.name; });
  return kExitOk;
}

}  // namespace muster
