#include "workers/job_api.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/guid.h"
#include "io/archive_name.h"
#include "io/json_writer.h"
#include "workers/job_request.h"
#include "workers/reportable.h"

namespace muster {
namespace {

constexpr size_t kSocketPathMax = sizeof(sockaddr_un::sun_path) - 1;
// Of one wake: some milliseconds.
constexpr size_t kLinesPerWake = 256;
constexpr size_t kPiecesPerWake = 4;
constexpr size_t kReadBytes = 64 << 10;
// A client that does not read its answers is not read from either.
constexpr size_t kUnreadAnswersMax = 64 << 10;
constexpr int kEventsPerWake = 64;
constexpr Duration kSettleTime = 5s;
constexpr char kPeer[] = "the job's socket";  // of a call that is reported

}  // namespace

// One answer on its way.
struct JobApi::Answer {
  JsonWriter json;
  std::string reason;  // of a refusal; empty: it went well
  explicit Answer(bool ok) {
    json.begin_object();
    json.boolean("ok", ok);
  }
  std::string line() {
    json.end_object();
    return json.take() + "\n";
  }
  static Answer refusal(const std::string& reason) {
    Answer answer(false);
    answer.json.text("error", reason);
    answer.reason = reason;
    return answer;
  }
  static std::string error(const std::string& reason) { return refusal(reason).line(); }
};

struct JobApi::Connection {
  UniqueFd fd;
  Instant heard;
  uint32_t interest = 0;
  std::string in;
  bool ended = false;     // the client sends nothing more
  bool drained = false;   // everything sent before the api was to settle is in `in`
  bool skipping = false;  // the rest of a line that is too long
  bool broken = false;    // nothing can be sent any more
  std::string out;
  std::string asked;  // the request that is being answered
  std::unique_ptr<FileChore> chore;
  std::function<void()> chore_done;  // answers for it
};

Result<std::unique_ptr<JobApi>> JobApi::listen(JobApiPaths paths, const JobApiLimits& limits,
                                               Sink report, ArtifactUrl url, Instant now) {
  std::unique_ptr<JobApi> api(
      new JobApi(std::move(paths), limits, std::move(report), std::move(url), now));
  if (Result<Done> started = api->start(); !started.ok()) return Error{started.error()};
  return api;
}

JobApi::JobApi(JobApiPaths paths, const JobApiLimits& limits, Sink report, ArtifactUrl url,
               Instant now)
    : paths_(std::move(paths)),
      limits_(limits),
      report_(std::move(report)),
      url_(std::move(url)),
      tokens_(limits.burst),
      tokens_at_(now),
      now_(now) {}

JobApi::~JobApi() {
  if (listener_.valid()) ::unlink(path_.c_str());
  if (!private_dir_.empty()) ::rmdir(private_dir_.c_str());
}

Result<Done> JobApi::start() {
  path_ = paths_.socket;
  if (path_.size() > kSocketPathMax) {
    std::string dir = "/tmp/muster-job-XXXXXX";
    if (::mkdtemp(dir.data()) == nullptr) {
      return Error{"cannot make a directory for the job's socket in /tmp: " + errno_text(errno)};
    }
    private_dir_ = dir;
    path_ = dir + "/socket";
  }
  const auto failed = [&](const char* what) {
    return Error{std::string("cannot ") + what + " the job's socket " + path_ + ": " +
                 errno_text(errno)};
  };
  ::unlink(path_.c_str());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return failed("make");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.data(), path_.size());
  // Nobody can connect before listen(), so the mode is right in time.
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return failed("bind");
  }
  listener_ = std::move(fd);
  if (::chmod(path_.c_str(), 0600) != 0) return failed("protect");
  if (::listen(listener_.get(), SOMAXCONN) != 0) return failed("listen on");
  epoll_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  if (!epoll_.valid() || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener_.get(), &event) != 0) {
    return failed("watch");
  }
  return Done{};
}

void JobApi::descriptors(std::vector<int>& fds) const { fds.push_back(epoll_.get()); }

bool JobApi::has_work(const Connection& connection) const {
  if (connection.chore) return true;
  if (connection.out.size() > kUnreadAnswersMax) return false;
  return connection.in.size() > limits_.line_bytes ||
         connection.in.find('\n') != std::string::npos ||
         (connection.ended && !connection.in.empty());
}

bool JobApi::may_read(const Connection& connection) const {
  return !connection.ended && !connection.chore && connection.out.size() <= kUnreadAnswersMax &&
         connection.in.size() <= limits_.line_bytes;
}

// The kernel may have more of it that is to be taken, and there is room.
bool JobApi::is_unread(const Connection& connection) const {
  return settling_ && !connection.drained && may_read(connection);
}

// All that it sent before the api was to settle was taken.
bool JobApi::is_settled(const Connection& connection) const {
  return (connection.ended || connection.drained) && !has_work(connection);
}

bool JobApi::is_busy(const Connection& connection) const {
  return has_work(connection) || is_unread(connection);
}

bool JobApi::all_settled() const {
  return !waiting_clients_ &&
         std::all_of(connections_.begin(), connections_.end(),
                     [this](const Connection& connection) { return is_settled(connection); });
}

std::optional<Instant> JobApi::next_deadline() const {
  if (settling_ && waiting_clients_) return now_;
  for (const Connection& connection : connections_) {
    if (is_busy(connection)) return now_;
  }
  const bool waits = settling_ || (finishing_ && !connections_.empty());
  return waits ? std::optional(settle_by_) : std::nullopt;
}

void JobApi::wake(Instant now) {
  now_ = now;
  lines_left_ = kLinesPerWake;
  std::array<epoll_event, kEventsPerWake> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), kEventsPerWake, 0);
  bool may_accept = false;
  for (int i = 0; i < count; ++i) {
    auto* connection = static_cast<Connection*>(events[static_cast<size_t>(i)].data.ptr);
    if (connection == nullptr) {
      may_accept = true;
    } else if ((events[static_cast<size_t>(i)].events & ~EPOLLOUT) != 0) {
      receive(*connection, now);
    }
  }
  if (may_accept && finishing_ && !settling_) {
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, listener_.get(), nullptr);
  } else if (may_accept) {
    accept_new(now);
  }
  if (settling_) receive_sent(now);
  for (Connection& connection : connections_) take_lines(connection, now);
  work();
  for (Connection& connection : connections_) {
    send_answers(connection);
    set_interest(connection);
  }
  settling_ = settling_ && now < settle_by_ && !all_settled();
  connections_.remove_if([this](const Connection& connection) { return is_done(connection); });
  // Who got less than the others comes first next time.
  if (connections_.size() > 1) {
    connections_.splice(connections_.end(), connections_, connections_.begin());
  }
}

void JobApi::accept_new(Instant now) {
  waiting_clients_ = true;
  for (int i = 0; i < kEventsPerWake; ++i) {
    const bool full = connections_.size() >= limits_.connections;
    if (full && settling_ && all_busy()) return;  // what they have sent goes before
    UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd.valid()) {
      waiting_clients_ = false;
      return;
    }
    if (full) close_silent();
    Connection& connection = connections_.emplace_back();
    connection.fd = std::move(fd);
    connection.heard = now;
    connection.interest = EPOLLIN;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &connection;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.fd.get(), &event) != 0) {
      connections_.pop_back();
      return;
    }
    receive(connection, now);
  }
}

bool JobApi::all_busy() const {
  return std::all_of(connections_.begin(), connections_.end(),
                     [this](const Connection& connection) { return is_busy(connection); });
}

// What clients sent before the api was to settle, whatever epoll said of them.
void JobApi::receive_sent(Instant now) {
  if (waiting_clients_) accept_new(now);
  for (Connection& connection : connections_) {
    if (is_unread(connection)) receive(connection, now);
  }
}

// Makes room: of those that have nothing to be done, the one that was silent for longest; else the
// one that was.
void JobApi::close_silent() {
  const auto silent = std::min_element(
      connections_.begin(), connections_.end(), [this](const Connection& a, const Connection& b) {
        return std::pair(is_busy(a), a.heard) < std::pair(is_busy(b), b.heard);
      });
  const std::string reason =
      Answer::error("closed: more than " + std::to_string(limits_.connections) +
                    " connections, and this one was silent for longest");
  (void)::send(silent->fd.get(), reason.data(), reason.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  connections_.erase(silent);
}

void JobApi::receive(Connection& connection, Instant now) {
  if (connection.ended) return;
  char bytes[kReadBytes];
  const ssize_t count = ::recv(connection.fd.get(), bytes, sizeof bytes, MSG_DONTWAIT);
  if (count > 0) {
    connection.in.append(bytes, static_cast<size_t>(count));
    connection.heard = now;
  } else if (count == 0) {
    connection.ended = true;
  } else if (errno == EAGAIN) {
    connection.drained = true;
  } else if (errno != EINTR) {
    connection.ended = connection.broken = true;
  }
}

// The next whole line, without its LF. What the client left without one when it ended is a line
// too.
bool JobApi::next_line(Connection& connection, std::string& line) {
  std::string& in = connection.in;
  const size_t end = in.find('\n');
  if (end == std::string::npos && in.size() > limits_.line_bytes) {
    if (!connection.skipping) {
      connection.out += Answer::error("a line is longer than " +
                                      std::to_string(limits_.line_bytes) + " bytes: dropped");
    }
    connection.skipping = true;
    in.clear();
  }
  if (end == std::string::npos && !(connection.ended && !in.empty())) return false;
  line = in.substr(0, end);
  in.erase(0, end == std::string::npos ? end : end + 1);
  return true;
}

void JobApi::take_lines(Connection& connection, Instant now) {
  std::string line;
  while (lines_left_ > 0 && !connection.chore && connection.out.size() <= kUnreadAnswersMax &&
         next_line(connection, line)) {
    --lines_left_;
    if (std::exchange(connection.skipping, false)) continue;
    if (line.size() > limits_.line_bytes) {
      connection.out += Answer::error("a line is longer than " +
                                      std::to_string(limits_.line_bytes) + " bytes: dropped");
    } else if (line.find_first_not_of(" \t\r") != std::string::npos) {
      take_line(connection, line, now);
    }
  }
}

void JobApi::take_line(Connection& connection, const std::string& line, Instant now) {
  if (!take_token(now)) return drop(connection, line);
  connection.asked = line;
  Result<JobRequest> request = parse_job_request(line);
  if (!request.ok()) {
    refuse(connection, request.error());
  } else if (auto* said = std::get_if<SayRequest>(&*request)) {
    const std::string left_out = say(std::move(said->body));
    if (left_out.empty()) {
      answer(connection, Answer(true));
    } else {
      connection.out += drop_answer(left_out);
    }
  } else if (auto* results = std::get_if<ResultFileRequest>(&*request)) {
    const bool junit = results->format == ResultFileFormat::junit;
    begin_report(connection, results->path, "cases", [&](const FileSink& sink) {
      return junit ? make_junit_reader(sink) : make_gtest_reader(sink);
    });
  } else if (auto* measures = std::get_if<MeasureFileRequest>(&*request)) {
    begin_report(connection, measures->path, "rows",
                 [&](const FileSink& sink) { return make_csv_reader(measures->table, sink); });
  } else {
    begin_push(connection, std::get<PushRequest>(*request));
  }
}

// Sends the answer to what was asked last, and reports the call. What there was too much of is not
// answered so: it would be still more.
void JobApi::answer(Connection& connection, Answer answer) {
  const std::string reason = answer.reason;
  connection.out += answer.line();
  const std::string asked = std::exchange(connection.asked, "");
  if (reason.empty() && !trace_) return;
  CallMade call = describe_request(asked);
  if (call.method == "call_failed" || call.method == "call_made") return;  // that is about a call
  call.peer = kPeer;
  if (reason.empty()) {
    (void)say(std::move(call));
  } else {
    (void)say(CallFailed{call.method, call.arguments, call.peer, reason});
  }
}

void JobApi::refuse(Connection& connection, const std::string& reason) {
  answer(connection, Answer::refusal(reason));
}

void JobApi::drop(Connection& connection, const std::string& line) {
  const std::string why = "too many requests: " + std::to_string(limits_.burst) + " at once and " +
                          std::to_string(limits_.per_second) + " a second are allowed";
  note_flood(why);
  connection.out += drop_answer(why);
  if (!on_drop_) return;
  if (const Result<JobRequest> request = parse_job_request(line); request.ok()) on_drop_(*request);
}

// `make` gives the reader of a file that says what it finds to the sink; the answer counts it as
// `noun`.
void JobApi::begin_report(
    Connection& connection, const std::string& path, const char* noun,
    const std::function<std::unique_ptr<ReportReader>(const FileSink&)>& make) {
  Result<UniqueFd> fd = open_job_file(paths_.roots, path);
  if (!fd.ok()) {
    refuse(connection, fd.error());
    return;
  }
  struct Tally {
    uint64_t said = 0;
    uint64_t dropped = 0;
    std::string left_out;  // why
  };
  const auto tally = std::make_shared<Tally>();
  const FileSink sink = [this, tally](ReportBody body) {
    std::string left_out = say(std::move(body));
    ++(left_out.empty() ? tally->said : tally->dropped);
    if (!left_out.empty()) tally->left_out = std::move(left_out);
  };
  connection.chore = std::make_unique<ReadChore>(std::move(*fd), path, make(sink));
  connection.chore_done = [this, &connection, noun, tally] {
    std::string reason = connection.chore->reason();
    if (reason.empty() && tally->dropped > 0) {
      reason = tally->left_out + ", " + std::to_string(tally->dropped) + " dropped";
    }
    Answer told = reason.empty() ? Answer(true) : Answer::refusal(reason);
    told.json.number(noun, tally->said);
    if (tally->dropped == 0) return answer(connection, std::move(told));
    told.json.number("dropped", tally->dropped);
    connection.out += told.line();  // there is no room to report it in
  };
}

void JobApi::begin_push(Connection& connection, const PushRequest& push) {
  Result<UniqueFd> fd = open_job_file(paths_.roots, push.file);
  std::string reason = fd.ok() ? invalid_artifact(push.as).value_or("") : fd.error();
  if (pushed_files_ >= limits_.pushed_files) {
    reason = "the attempt may push " + std::to_string(limits_.pushed_files) + " files, and has";
  }
  if (!reason.empty()) {
    refuse(connection, reason);
    return;
  }
  ++pushed_files_;
  auto copy = std::make_unique<CopyChore>(std::move(*fd), paths_.artifacts, push.as,
                                          limits_.pushed_bytes - pushed_bytes_);
  const CopyChore& done = *copy;
  connection.chore = std::move(copy);
  connection.chore_done = [this, &connection, &done] {
    if (!done.reason().empty()) {
      refuse(connection, done.reason());
      return;
    }
    Artifact artifact = done.artifact();
    artifact.url = url_(artifact.name);
    pushed_bytes_ += std::min(artifact.bytes, limits_.pushed_bytes - pushed_bytes_);
    Answer told(true);
    told.json.text("name", archived_as(artifact.name));
    told.json.text("url", artifact.url);
    report_(make_reportable(std::move(artifact)));
    answer(connection, std::move(told));
  };
}

// Pieces of files, in turn.
void JobApi::work() {
  size_t pieces = kPiecesPerWake;
  for (Connection& connection : connections_) {
    if (pieces == 0) return;
    if (!connection.chore) continue;
    --pieces;
    if (!connection.chore->work()) continue;
    std::exchange(connection.chore_done, nullptr)();
    connection.chore.reset();
  }
}

void JobApi::send_answers(Connection& connection) {
  if (connection.out.empty()) return;
  const ssize_t count = ::send(connection.fd.get(), connection.out.data(), connection.out.size(),
                               MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count > 0) {
    connection.out.erase(0, static_cast<size_t>(count));
  } else if (count < 0 && errno != EAGAIN && errno != EINTR) {
    // It does not want to know; what it asked for still counts.
    connection.broken = true;
  }
  if (connection.broken) connection.out.clear();
}

void JobApi::set_interest(Connection& connection) {
  const uint32_t interest =
      (may_read(connection) ? EPOLLIN : 0u) | (connection.out.empty() ? 0u : EPOLLOUT);
  if (interest == connection.interest) return;
  connection.interest = interest;
  epoll_event event{};
  event.events = interest;
  event.data.ptr = &connection;
  (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event);
}

bool JobApi::is_done(const Connection& connection) const {
  if (finishing_ && now_ >= settle_by_) return true;
  if (has_work(connection) || !connection.out.empty()) return false;
  return connection.ended || (finishing_ && !settling_);
}

bool JobApi::take_token(Instant now) {
  const double seconds = static_cast<double>((now - tokens_at_).count()) / 1e6;
  tokens_at_ = now;
  tokens_ = std::min<double>(limits_.burst, tokens_ + std::max(seconds, 0.0) * limits_.per_second);
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

std::string JobApi::say(ReportBody body) {
  std::string left_out = report_(make_reportable(std::move(body)));
  if (!left_out.empty()) ++dropped_;
  return left_out;
}

// The first time, a record says so.
void JobApi::note_flood(const std::string& why) {
  ++dropped_;
  if (std::exchange(flooded_, true)) return;
  report_(Record{"WARN", "", "job_api", {}, "what the job says is dropped: " + why});
}

std::string JobApi::drop_answer(const std::string& why) const {
  Answer answer(false);
  answer.json.text("error", why + ", " + std::to_string(dropped_) + " dropped");
  answer.json.number("dropped", dropped_);
  return answer.line();
}

void JobApi::settle(Instant now) {
  if (finishing_) return;
  settling_ = true;
  settle_by_ = now + kSettleTime;
  waiting_clients_ = true;
  for (Connection& connection : connections_) connection.drained = false;
  wake(now);
}

void JobApi::finish(Instant now) {
  if (finishing_) return;
  settle(now);
  finishing_ = true;
  wake(now);
}

}  // namespace muster
