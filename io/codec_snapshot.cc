// schemas/snapshot.capnp: records, and the lists of parts.
#include "io/codec_snapshot.h"

#include <capnp/pretty-print.h>

#include <algorithm>
#include <functional>
#include <span>
#include <utility>

#include "core/guid.h"
#include "io/codec_snapshot_slots.h"

namespace muster {
namespace wire {

namespace {

// The lists of a part, each of which may be written in pieces.
enum class List : uint32_t {
  tasks,
  free_tasks,
  ended_tasks,
  ended_digests,
  workers,
  devices,
  free_devices,
  inventory,
  draining,
  logged_through,
  classes,
  free_classes,
  typical_times,
};
constexpr uint32_t kLists = static_cast<uint32_t>(List::typical_times) + 1;

// How much of a list is written: from `from` on, as much as gives a part of a good size.
constexpr size_t kPartBytes = 1 << 20;

size_t weight(const std::map<std::string, std::string>& pairs) {
  size_t bytes = 0;
  for (const auto& [key, value] : pairs) bytes += key.size() + value.size() + 32;
  return bytes;
}
size_t weight(const HardTask& task) {
  if (!task.spec) return 128;
  size_t bytes = 1'024 + task.spec.work().size() + weight(task.spec->metadata);
  for (const broker_state::Attempt& attempt : task.attempts) {
    bytes += 256 + attempt.device_names.size() * 64 + attempt.log_url.size() +
             attempt.progress.size() + (attempt.ending ? attempt.ending->message.size() : 0);
  }
  return bytes + (task.dependants ? task.dependants->size() * sizeof(muster::TaskRef) : 0);
}
size_t weight(const HardWorker& worker) {
  size_t bytes = 1'024 + 8 * worker.held.size();
  for (const auto& [name, listed] : worker.listed) bytes += 128 + weight(listed.profile);
  return bytes;
}
size_t weight(const HardDevice& device) {
  size_t bytes = 2'048 + weight(device.spec.profile) + device.health_reason.size();
  for (const auto& [tag, times] : device.uses) bytes += 64 + 8 * times.size();
  return bytes;
}
size_t weight(const HardClass& task_class) { return 64 + 4 * task_class.queued.size(); }
size_t weight(const std::pair<std::string, Duration>& typical) { return 32 + typical.first.size(); }
size_t weight(const muster::TaskRef&) { return 16; }
size_t weight(uint64_t) { return 8; }

// A piece of a list, and where the next one begins.
template <typename T>
std::span<const T> piece_of(const std::vector<T>& list, size_t& from) {
  const size_t begin = from;
  for (size_t bytes = 0; from < list.size() && bytes < kPartBytes; ++from) {
    bytes += weight(list[from]);
  }
  return std::span(list).subspan(begin, from - begin);
}

// False: the list has ended.
bool write_piece(SnapshotPart::Builder to, const BrokerSnapshot& all, List list, size_t& from) {
  using B = SnapshotPart::Builder;
  const auto put_piece = [&](auto init, const auto& vector) {
    put_list(to, init, piece_of(vector, from));
    return from < vector.size();
  };
  const auto put_number_piece = [&](auto init, const auto& vector) {
    put_numbers(to, init, piece_of(vector, from));
    return from < vector.size();
  };
  switch (list) {
    case List::tasks:
      return put_piece(&B::initTasks, all.tasks);
    case List::free_tasks:
      return put_number_piece(&B::initFreeTasks, all.free_tasks);
    case List::ended_tasks:
      return put_piece(&B::initEndedTasks, all.ended_tasks);
    case List::ended_digests:
      return put_number_piece(&B::initEndedDigests, all.ended_digests);
    case List::workers:
      return put_piece(&B::initWorkers, all.workers);
    case List::devices:
      return put_piece(&B::initDevices, all.devices);
    case List::free_devices:
      return put_number_piece(&B::initFreeDevices, all.free_devices);
    case List::inventory:
      if (all.inventory) write(to.initInventory(), *all.inventory);
      return false;
    case List::draining:
      if (all.draining) write(to.initDraining(), *all.draining);
      return false;
    case List::logged_through:
      put_list(to, &B::initLoggedThrough, all.logged_through);
      return false;
    case List::classes:
      return put_piece(&B::initClasses, all.classes);
    case List::free_classes:
      return put_number_piece(&B::initFreeClasses, all.free_classes);
    case List::typical_times:
      return put_piece(&B::initTypicalTimes, all.typical_times);
  }
  return false;
}

}  // namespace

static void read(Reading& in, SnapshotPart::Reader from, BrokerSnapshot& to) {
  read_list(in, from.getTasks(), to.tasks, "slots of tasks");
  read_numbers(in, from.getFreeTasks(), to.free_tasks, "free slots");
  read_list(in, from.getEndedTasks(), to.ended_tasks, "tasks that have ended");
  read_numbers(in, from.getEndedDigests(), to.ended_digests, "digests of GUIDs");
  read_list(in, from.getWorkers(), to.workers, "workers");
  read_list(in, from.getDevices(), to.devices, "devices");
  read_numbers(in, from.getFreeDevices(), to.free_devices, "free slots");
  if (from.hasInventory()) read(in, from.getInventory(), to.inventory);
  if (from.hasDraining()) read(in, from.getDraining(), to.draining.emplace());
  if (!in.room(from.getLoggedThrough().size(), kLogTellersMax, 128, "daemons")) return;
  for (const Counter::Reader counter : from.getLoggedThrough()) {
    std::string name;
    in.text(counter.getName(), name, "a daemon's name");
    to.logged_through.insert_or_assign(std::move(name), counter.getValue());
  }
  read_list(in, from.getClasses(), to.classes, "classes of tasks");
  read_numbers(in, from.getFreeClasses(), to.free_classes, "free slots");
  read_list(in, from.getTypicalTimes(), to.typical_times, "typical times");
}

static void write(SnapshotHead::Builder to, const muster::SnapshotHead& from) {
  to.setForm(from.form);
  put(to, &SnapshotHead::Builder::setLogId, from.place.log_id);
  to.setPosition(from.head);
  to.setBlockDigest(from.place.block_digest);
  to.setNewest(to_us(from.place.newest));
  to.setEpoch(from.epoch);
  to.setStarted(to_us(from.started));
  to.setEndedCount(from.ended_count);
  put(to, &SnapshotHead::Builder::setVersion, from.place.version);
}

static void read(Reading& in, SnapshotHead::Reader from, muster::SnapshotHead& to) {
  to.form = from.getForm();
  in.text(from.getLogId(), to.place.log_id, "the name of the log");
  to.head = from.getPosition();
  to.place.block_digest = from.getBlockDigest();
  in.time(from.getNewest(), to.place.newest, "the time of the newest event");
  to.epoch = from.getEpoch();
  in.time(from.getStarted(), to.started, "the start of the broker");
  to.ended_count = from.getEndedCount();
  in.text(from.getVersion(), to.place.version, "the version of a build");
}

static void read(Reading& in, wire::SnapshotRecord::Reader from, muster::SnapshotRecord& to) {
  using R = wire::SnapshotRecord::Reader;
  switch (from.which()) {
    case SnapshotRecord::HEAD:
      return read_member(in, from, &R::hasHead, &R::getHead, to.emplace<muster::SnapshotHead>(),
                         "the head");
    case SnapshotRecord::PART:
      return read_member(in, from, &R::hasPart, &R::getPart, to.emplace<BrokerSnapshot>(),
                         "the part");
    case SnapshotRecord::END: {
      if (!in.present(from.hasEnd(), "the end")) return;
      const SnapshotEnd::Reader end = from.getEnd();
      to = muster::SnapshotEnd{end.getParts(), end.getDigest()};
      return;
    }
  }
  in.fail_unknown("kind of record", static_cast<unsigned>(from.which()));
}

}  // namespace wire

uint64_t block_digest(std::string_view bytes) { return hash64(bytes); }

namespace {

template <typename Fill>
Bytes encode_record(Fill&& fill) {
  return wire::encode_frame<wire::SnapshotRecord>(std::forward<Fill>(fill));
}

}  // namespace

Bytes encode_snapshot_record(const SnapshotRecord& record) {
  return encode_record([&](wire::SnapshotRecord::Builder root) {
    if (const auto* head = std::get_if<SnapshotHead>(&record)) {
      wire::write(root.initHead(), *head);
    } else if (const auto* part = std::get_if<BrokerSnapshot>(&record)) {
      wire::SnapshotPart::Builder to = root.initPart();
      for (uint32_t list = 0; list < wire::kLists; ++list) {
        size_t from = 0;
        wire::write_piece(to, *part, static_cast<wire::List>(list), from);
      }
    } else {
      const auto& end = std::get<SnapshotEnd>(record);
      wire::SnapshotEnd::Builder to = root.initEnd();
      to.setParts(end.parts);
      to.setDigest(end.digest);
    }
  });
}

Result<SnapshotRecord> decode_snapshot_record(std::string_view bytes) {
  SnapshotRecord record;
  auto problem = wire::decode_frame<wire::SnapshotRecord>(
      bytes, kMessageBytesMax,
      [&](wire::Reading& in, wire::SnapshotRecord::Reader root) { wire::read(in, root, record); });
  if (problem) return Error{"record of a snapshot: " + *problem};
  return record;
}

std::string dump_snapshot_record(std::string_view bytes) {
  std::string text;
  const auto problem = wire::decode_frame<wire::SnapshotRecord>(
      bytes, kMessageBytesMax, [&](wire::Reading&, wire::SnapshotRecord::Reader root) {
        const kj::String pretty = capnp::prettyPrint(root).flatten();
        text.assign(pretty.begin(), pretty.size());
      });
  return (problem ? "(" + *problem + ")" : text) + "\n";
}

SnapshotEncoder::SnapshotEncoder(const BrokerSnapshot& snapshot, SnapshotPlace place)
    : snapshot_(snapshot), place_(std::move(place)) {}

std::optional<Bytes> SnapshotEncoder::next() {
  if (!std::exchange(begun_, true)) {
    return encode_snapshot_record(SnapshotHead{kSnapshotForm, place_, snapshot_.head,
                                               snapshot_.epoch, snapshot_.started,
                                               snapshot_.ended_count});
  }
  if (list_ < wire::kLists) return next_part();
  if (std::exchange(ended_, true)) return std::nullopt;
  return encode_snapshot_record(SnapshotEnd{parts_, digest(snapshot_)});
}

// One piece of one list.
std::optional<Bytes> SnapshotEncoder::next_part() {
  ++parts_;
  return encode_record([&](wire::SnapshotRecord::Builder root) {
    const auto list = static_cast<wire::List>(list_);
    if (wire::write_piece(root.initPart(), snapshot_, list, from_)) return;
    ++list_;
    from_ = 0;
  });
}

Result<Done> SnapshotDecoder::take(std::string_view bytes) {
  Result<SnapshotRecord> record = decode_snapshot_record(bytes);
  if (!record.ok()) return Error{record.error()};
  const auto* head = std::get_if<SnapshotHead>(&*record);
  if (begun_ == (head != nullptr) || end_) return Error{"a record is not where it belongs"};
  if (head != nullptr) {
    if (head->form > kSnapshotForm) return Error{"a newer version of muster wrote it"};
    head_ = *head;
    begun_ = true;
  } else if (auto* part = std::get_if<BrokerSnapshot>(&*record)) {
    ++parts_;
    append(std::move(*part));
  } else {
    end_ = std::get<SnapshotEnd>(*record);
  }
  return Done{};
}

void SnapshotDecoder::append(BrokerSnapshot part) {
  const auto join = [](auto& to, auto& from) {
    std::move(from.begin(), from.end(), std::back_inserter(to));
  };
  for (broker_state::HardTask& task : part.tasks) {  // those that are alike share their terms again
    if (task.spec) task.spec.share(terms_.share(*task.spec).terms);
  }
  join(snapshot_.tasks, part.tasks);
  join(snapshot_.free_tasks, part.free_tasks);
  join(snapshot_.ended_tasks, part.ended_tasks);
  join(snapshot_.ended_digests, part.ended_digests);
  join(snapshot_.workers, part.workers);
  join(snapshot_.devices, part.devices);
  join(snapshot_.free_devices, part.free_devices);
  if (part.inventory) snapshot_.inventory = std::move(part.inventory);
  if (part.draining) snapshot_.draining = std::move(part.draining);
  snapshot_.logged_through.merge(part.logged_through);
  join(snapshot_.classes, part.classes);
  join(snapshot_.free_classes, part.free_classes);
  join(snapshot_.typical_times, part.typical_times);
}

Result<BrokerSnapshot> SnapshotDecoder::finish() {
  if (!end_ || end_->parts != parts_) return Error{"it ends before its end"};
  snapshot_.head = head_.head;
  snapshot_.epoch = head_.epoch;
  snapshot_.started = head_.started;
  snapshot_.ended_count = head_.ended_count;
  if (const std::string problem = unsound(snapshot_); !problem.empty()) return Error{problem};
  if (head_.form == kSnapshotForm && digest(snapshot_) != end_->digest) {
    return Error{"its digest is not that of the state in it"};
  }
  return std::move(snapshot_);
}

}  // namespace muster
