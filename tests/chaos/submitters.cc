#include "tests/chaos/submitters.h"

#include <algorithm>
#include <utility>

namespace muster {
namespace {

constexpr size_t kAtOnce = 3;
constexpr Duration kTryAgain = std::chrono::milliseconds(500);
// Exit statuses of the CLI: the broker is away or has no room, and a killed process.
constexpr int kUnreachable = 69;
constexpr int kKilled = 128 + 9;

// Several faults may hit one task.
constexpr char kHead[] = "---\nversion: 1\nkind: job\nretry: { infra: 10 }\n";

}  // namespace

std::string Submitters::use(const std::string& seconds) const {
  return "run: [" + lab_.use() + ", " + lab_.records() + ", \"" + seconds + "\"]\n";
}

// Mostly a moment, now and then longer than a lease.
std::string Submitters::draw_seconds() {
  if (random_() % 12 == 0) return std::to_string(kChaosLease.count() + 2);
  return "0." + std::to_string(1 + random_() % 9);
}

void Submitters::hand_in() {
  const std::string stem = "chaos/" + std::to_string(++count_) + "/";
  std::string yaml;
  std::set<std::string> guids;
  yaml += std::string(kHead) + "name: many\nguid: " + stem + "many\nmatrix: { n: [1, 2, 3] }\n" +
          "shell: 'echo begun; sleep 0." + std::to_string(1 + random_() % 9) + "; echo done'\n";
  for (const char* n : {"1", "2", "3"}) guids.insert(stem + "many/" + n);
  const auto add_device_job = [&](const std::string& name, const std::string& rest) {
    yaml += kHead + std::string("name: ") + name + "\nguid: " + stem + name + "\n" + rest +
            use(draw_seconds());
    guids.insert(stem + name);
  };
  add_device_job("verified",
                 "devices: { dut: { selector: { type: bench } } }\nbefore: { verify: always }\n");
  add_device_job("plain",
                 "devices: { dut: { selector: { type: bench } } }\nbefore: { verify: none }\n");
  add_device_job("stack",
                 "devices: { dut: { selector: { type: handset } }, ap: { selector: type=relay, "
                 "with: dut } }\nbefore: { verify: fresh }\n");
  add(yaml, std::move(guids));
}

std::set<std::string> Submitters::hand_in_probes() {
  const std::string stem = "chaos/" + std::to_string(++count_) + "/";
  std::string yaml;
  std::set<std::string> guids;
  for (size_t i = 0; i < kWorkers; ++i) {
    const std::string probe = probe_name(i);
    yaml += kHead + std::string("name: probe\nguid: ") + stem + probe + "\ndevice: " + probe +
            "\npriority: 100\n" + use("0");
    guids.insert(stem + probe);
  }
  add(yaml, guids);
  return guids;
}

void Submitters::add(const std::string& yaml, std::set<std::string> guids) {
  const std::string name = "batch-" + std::to_string(count_);
  Batch batch;
  batch.file = lab_.house().write(name + ".yaml", yaml);
  batch.errors = lab_.house().write(name + ".err", "");
  batch.guids = std::move(guids);
  batches_.push_back(std::move(batch));
}

void Submitters::tend(Instant now) {
  size_t busy = 0;
  for (auto batch = batches_.begin(); batch != batches_.end();) {
    if (batch->child != nullptr) {
      if (const std::optional<int> status = batch->child->wait(Duration{0})) {
        batch->child.reset();
        judge(*batch, *status, now);
      }
    } else if (busy < kAtOnce && batch->at <= now) {
      ++tries_;
      batch->child = lab_.house().start_muster(
          {"--endpoint", lab_.link("people").endpoint(), "submit", batch->file}, batch->errors);
    }
    busy += batch->child != nullptr;
    batch = batch->guids.empty() ? batches_.erase(batch) : std::next(batch);
  }
}

void Submitters::judge(Batch& batch, int status, Instant now) {
  if (status == kUnreachable || status == kKilled) {
    batch.at = now + kTryAgain;
    return;
  }
  if (status == 0) {
    accepted_.merge(batch.guids);
  } else {
    refused_ += batch.file + ": status " + std::to_string(status) + ": " + read_text(batch.errors);
  }
  batch.guids.clear();
}

bool Submitters::kill_one() {
  for (Batch& batch : batches_) {
    if (batch.child == nullptr) continue;
    batch.child->kill_now();
    return true;
  }
  return false;
}

}  // namespace muster
