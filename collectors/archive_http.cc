#include "collectors/archive_http.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "collectors/http_answers.h"
#include "core/guid.h"
#include "core/limits.h"
#include "io/archive_json.h"
#include "io/sha256.h"

namespace muster {
namespace {

// A file may grow by somebody else's hand, who tells nobody: a worker that writes into the
// directory itself.
constexpr Duration kLookAgain = 25ms;
constexpr const char* kDocument = "docs/archive.md";
constexpr std::string_view kFolder = "/archive/v1/{guid}/";
constexpr std::string_view kFile = "/archive/v1/{guid}/{attempt}/{name}";

int status_of(ArchiveFault fault) {
  switch (fault) {
    case ArchiveFault::none:
      return 200;
    case ArchiveFault::bad_name:
      return 400;
    case ArchiveFault::absent:
      return 404;
    case ArchiveFault::wrong_offset:
    case ArchiveFault::is_complete:
      return 409;
    case ArchiveFault::wrong_digest:
      return 422;
    case ArchiveFault::no_room:
      return 507;
    case ArchiveFault::failed:
      break;
  }
  return 500;
}

void add_state(const ArchiveReply& reply, HttpAnswer& answer) {
  answer.headers.emplace_back("Muster-Bytes", std::to_string(reply.bytes));
  answer.headers.emplace_back("Muster-Complete", reply.complete ? "true" : "false");
  if (!reply.sha256.empty()) answer.headers.emplace_back("Muster-Sha256", reply.sha256);
}

HttpAnswer to_answer(const ArchiveReply& reply) {
  HttpAnswer answer;
  if (!reply.ok()) answer = http_refusal(status_of(reply.fault), reply.reason);
  add_state(reply, answer);
  return answer;
}

}  // namespace

const std::vector<HttpRoute>& archive_routes() {
  static const std::vector<HttpRoute> routes = {
      {"GET", std::string(kFolder), {{}, kDocument}},
      {"POST", std::string(kFolder), {{"pin"}, kDocument}},
      {"GET", std::string(kFile), {{"offset", "wait"}, kDocument}},
      {"PUT", std::string(kFile), {{"offset"}, kDocument}},
      {"POST", std::string(kFile), {{"complete", "sha256", "bytes", "restart"}, kDocument}},
  };
  return routes;
}

HttpAnswer ArchiveHttp::answer(const HttpCall& call) {
  const Result<ArchiveName> name = parse_archive_path(call.path);
  if (!name && !call.path.starts_with(kArchivePath)) return refuse_path();
  if (!name) return http_refusal(400, name.error());
  const bool is_folder = name->name.empty();
  if (std::optional<HttpAnswer> refused =
          refuse_call(call, archive_routes(), is_folder ? kFolder : kFile)) {
    return std::move(*refused);
  }
  if (is_folder) return answer_folder(call, name->guid);
  return call.reads() ? read(call, *name) : change(call, *name);
}

void ArchiveHttp::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  for (const auto& [name, waiting] : waiters_) {
    if (const std::shared_ptr<Waiters> waiters = waiting.lock()) waiters->grown.notify_all();
  }
}

HttpAnswer ArchiveHttp::answer_folder(const HttpCall& call, const std::string& guid) {
  if (call.method == "POST") {
    const std::optional<uint64_t> pin = query_number(call, "pin", 2);
    if (!pin || *pin > 1) return http_refusal(400, "say pin=1 or pin=0");
    if (const Result<Done> pinned = store_.pin(guid, *pin == 1); !pinned) {
      return http_refusal(500, pinned.error());
    }
  }
  const Result<std::optional<ArchiveFolder>> folder = store_.list(guid);
  if (!folder) return http_refusal(500, folder.error());
  if (!*folder) return http_refusal(404, "nothing is archived of " + quote_text(guid));
  HttpAnswer answer;
  answer.body = archive_folder_json(**folder) + "\n";
  return answer;
}

HttpAnswer ArchiveHttp::read(const HttpCall& call, const ArchiveName& name) {
  const std::optional<uint64_t> offset = query_number(call, "offset", 0);
  if (!offset) return refuse_number("offset");
  const std::optional<uint64_t> wait = query_number(call, "wait", 0);
  if (!wait) return refuse_number("wait");
  const uint64_t seconds = std::min<uint64_t>(*wait, kArchiveWaitMax / 1s);
  OpenedArchiveFile file = await(name, *offset, std::chrono::seconds(seconds));
  if (!file.reply.ok()) return to_answer(file.reply);
  HttpAnswer answer;
  const bool past_the_end = *offset > file.reply.bytes;
  if (past_the_end) {
    answer = http_refusal(416, "it has " + std::to_string(file.reply.bytes) + " bytes");
  }
  add_state(file.reply, answer);
  if (past_the_end) return answer;
  answer.type = "application/octet-stream";
  answer.file = std::move(file.fd);
  answer.file_offset = *offset;
  answer.file_bytes = file.reply.bytes - *offset;
  return answer;
}

HttpAnswer ArchiveHttp::change(const HttpCall& call, const ArchiveName& name) {
  if (call.method == "PUT") {
    std::optional<uint64_t> offset;
    if (call.query.contains("offset")) {
      offset = query_number(call, "offset", 0);
      if (!offset) return refuse_number("offset");
    }
    const ArchiveReply reply = store_.append(name, offset, call.body, clock_.now());
    if (reply.ok()) note_change(name);
    return to_answer(reply);
  }
  if (call.query.contains("restart")) return to_answer(store_.restart(name));
  if (!call.query.contains("complete")) return http_refusal(400, "say complete or restart");
  const auto digest = call.query.find("sha256");
  if (digest == call.query.end()) return http_refusal(400, "complete needs sha256=HEX");
  if (!is_sha256(digest->second)) {
    return http_refusal(400, "sha256 is no digest: 64 lower-case hexadecimal digits");
  }
  const std::optional<uint64_t> bytes = query_number(call, "bytes", store_.look(name).bytes);
  if (!bytes) return refuse_number("bytes");
  const ArchiveReply reply = store_.complete(name, *bytes, digest->second, clock_.now());
  note_change(name);
  return to_answer(reply);
}

// The file, once it has something after `offset` or can have no more, or the time is over.
OpenedArchiveFile ArchiveHttp::await(const ArchiveName& name, uint64_t offset, Duration wait) {
  const int64_t deadline_us = boot_us() + wait.count();
  std::shared_ptr<Waiters> waiters;
  std::unique_lock lock(mutex_);
  if (wait > Duration(0)) {
    std::weak_ptr<Waiters>& known = waiters_[name];
    waiters = known.lock();
    if (!waiters) known = waiters = std::make_shared<Waiters>();
  }
  for (;;) {
    const uint64_t seen = waiters ? waiters->changes : 0;
    lock.unlock();
    OpenedArchiveFile file = store_.open(name);
    lock.lock();
    const bool may_come = file.reply.fault == ArchiveFault::absent ||
                          (file.reply.ok() && file.reply.bytes <= offset && !file.reply.complete);
    const Duration left(deadline_us - boot_us());
    if (!may_come || !waiters || stopped_ || left <= Duration(0)) {
      waiters.reset();
      const auto known = waiters_.find(name);
      if (known != waiters_.end() && known->second.expired()) waiters_.erase(known);
      return file;
    }
    waiters->grown.wait_for(lock, std::min(left, kLookAgain),
                            [&] { return stopped_ || waiters->changes != seen; });
  }
}

void ArchiveHttp::note_change(const ArchiveName& name) {
  const std::lock_guard lock(mutex_);
  const auto known = waiters_.find(name);
  const std::shared_ptr<Waiters> waiters = known == waiters_.end() ? nullptr : known->second.lock();
  if (!waiters) return;
  ++waiters->changes;
  waiters->grown.notify_all();
}

}  // namespace muster
