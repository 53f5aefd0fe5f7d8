#include "workers/uploader.h"

#include <spdlog/spdlog.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "io/clock.h"
#include "io/file.h"
#include "io/http.h"
#include "io/random.h"
#include "workers/upload_folder.h"
#include "workers/upload_target.h"
#include "workers/upload_threads.h"

namespace muster {
namespace {

constexpr Duration kWaitMax = 1s;
// What is over by then is carried once and not twice.
constexpr Duration kFirstLookAfter = std::chrono::milliseconds(50);
// Requests that are left to what is new in logs, of transfers_max.
constexpr size_t kKeptForLogs = 2;
constexpr size_t kRemovalsMax = 2;  // of folders, at the same time
// Of an attempt's folder: that its log was written, or has come.
constexpr uint32_t kFolderEvents = IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR;

uint64_t random_bits() {
  uint64_t random = 0;
  fill_random(&random, sizeof random);
  return random;
}

// Tells which folders' logs have grown.
class LogWatch {
 public:
  LogWatch() : fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

  int fd() const { return fd_.get(); }

  // Without a watch (there are too many, or the folder is not there) the log is looked at once in a
  // while.
  void add(const AttemptToken& token, const std::string& dir) {
    if (watched_.contains(token)) return;
    const int watch = ::inotify_add_watch(fd_.get(), dir.c_str(), kFolderEvents);
    if (watch < 0) return;
    tokens_[watch] = token;
    watched_[token] = watch;
  }
  void remove(const AttemptToken& token) {
    const auto watched = watched_.find(token);
    if (watched == watched_.end()) return;
    ::inotify_rm_watch(fd_.get(), watched->second);
    tokens_.erase(watched->second);
    watched_.erase(watched);
  }

  // Calls `grown` for each log that was written to.
  void read(const std::function<void(const AttemptToken&)>& grown) {
    alignas(inotify_event) std::array<char, 16 << 10> buffer;
    for (ssize_t size; (size = ::read(fd_.get(), buffer.data(), buffer.size())) > 0;) {
      for (ssize_t at = 0; at < size;) {
        inotify_event event{};
        std::memcpy(&event, buffer.data() + at, sizeof event);
        const char* const name = buffer.data() + at + sizeof event;
        const auto token = tokens_.find(event.wd);
        const bool is_log = event.len > 0 && kLogName == name;
        if (is_log && token != tokens_.end()) grown(token->second);
        at += static_cast<ssize_t>(sizeof event + event.len);
      }
    }
  }

 private:
  UniqueFd fd_;
  std::map<int, AttemptToken> tokens_;
  std::map<AttemptToken, int> watched_;
};

struct Command {
  AttemptToken token;
  std::string dir;  // empty: finish
};

}  // namespace

class Uploader::Impl {
 public:
  explicit Impl(UploaderConfig config)
      : config_(std::move(config)),
        base_(without_credentials(config_.archive)),
        threads_(config_.transfers_max + kRemovalsMax, [this] { client_.wake(); }),
        target_(make_upload_target({config_.archive, config_.token, config_.reserve}, client_,
                                   threads_, clock_)) {}
  ~Impl() { say_stop(); }

  Result<Done> begin() {
    if (const auto reason = invalid_archive_base(config_.archive)) return Error{*reason};
    if (const Result<Done> made = make_dirs(config_.state_dir); !made) return made;
    std::vector<std::string> problems;
    remove_unfinished_notes(config_.state_dir);
    for (UploadNote& note : read_upload_notes(config_.state_dir, problems)) {
      if (!note.finished) unfinished_.push_back(note.token);
      add_folder(std::move(note), kNever);
    }
    for (const std::string& problem : problems) spdlog::warn("uploads: {}", problem);
    thread_ = std::jthread([this] { run(); });
    return Done{};
  }

  bool stop(Duration patience) {
    say_stop();
    {
      std::unique_lock lock(mutex_);
      if (!ended_.wait_for(lock, patience, [this] { return has_ended_; })) return false;
    }
    return threads_.stop(patience);
  }

  const std::string& base() const { return base_; }
  std::string url(const AttemptToken& token, const std::string& name) const {
    return archive_url(base_, {token.guid, token.attempt, name});
  }

  const std::vector<AttemptToken>& unfinished() const { return unfinished_; }

  void tell(Command command) {
    {
      const std::lock_guard lock(mutex_);
      commands_.push_back(std::move(command));
    }
    client_.wake();
  }

  UploaderStatus status() const {
    const std::lock_guard lock(mutex_);
    UploaderStatus status = status_;
    status.attempts += commands_.size();
    return status;
  }

 private:
  void say_stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    client_.wake();
  }

  void run() {
    while (take_commands()) {
      const Instant now = clock_.now();
      watch_.read([this](const AttemptToken& token) { note_growth(token); });
      scan_due(now);
      const Instant next = step_all(now);
      remove_delivered(now);
      tell_status();
      client_.run(std::clamp<Duration>(next - now, Duration(0), kWaitMax), {watch_.fd()});
      threads_.deliver();
    }
    client_.cancel_all();
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
    ended_.notify_all();
  }

  // False when it is to end.
  bool take_commands() {
    std::deque<Command> commands;
    bool goes_on = true;
    {
      const std::lock_guard lock(mutex_);
      goes_on = !stopped_;
      commands.swap(commands_);
    }
    std::deque<Command> held;
    for (Command& command : commands) {
      if (removing_.contains(command.token)) {
        held.push_back(std::move(command));
        continue;
      }
      const auto known = folders_.find(command.token);
      if (!command.dir.empty() && known == folders_.end()) {
        const UploadNote note{command.token, command.dir, false, false, kNever};
        remember(note);
        add_folder(note, clock_.now() + kFirstLookAfter);
      } else if (command.dir.empty() && known != folders_.end() && known->second.finish()) {
        remember(known->second.note());
      }
    }
    const std::lock_guard lock(mutex_);
    commands_.insert(commands_.begin(), held.begin(), held.end());
    return goes_on;
  }

  void add_folder(UploadNote note, Instant first_scan) {
    const AttemptToken token = note.token;
    folders_.emplace(token, UploadFolder(std::move(note), first_scan,
                                         config_.log_max + kConsoleLogFrameBytesMax));
  }

  void scan(UploadFolder& folder, Instant now) {
    if (const std::string problem = folder.scan(now); !problem.empty()) {
      spdlog::error("uploads: {}", problem);
    }
  }

  void remember(const UploadNote& note) {
    if (const Result<Done> written = write_upload_note(config_.state_dir, note); !written) {
      spdlog::error("uploads: {}", written.error());
    }
  }

  void note_growth(const AttemptToken& token) {
    const auto folder = folders_.find(token);
    if (folder == folders_.end()) return;
    if (!folder->second.files().contains(std::string(kLogName))) {
      scan(folder->second, clock_.now());
    } else {
      folder->second.note_growth();
    }
  }

  void scan_due(Instant now) {
    for (auto& [token, folder] : folders_) {
      if (now < folder.next_scan() || removing_.contains(token)) continue;
      watch_.add(token, folder.note().dir);
      scan(folder, now);
    }
  }

  // Logs first. When to be here again.
  Instant step_all(Instant now) {
    more_ = false;
    for (const UploadRank rank :
         {UploadRank::fresh_log, UploadRank::closing_log, UploadRank::artifact}) {
      while (step_round(rank, now)) {
      }
    }
    Instant next = more_ ? now : now + kWaitMax;
    for (auto& [token, folder] : folders_) {
      if (folder.tell_refusals()) next = now;
      if (!removing_.contains(token)) next = std::min(next, folder.next_scan());
      if (const auto turn = folder.next_turn()) next = std::min(next, *turn);
    }
    return next;
  }

  // So that a log that grows finds room, and among what has time one kind beside the other.
  bool has_room(UploadRank rank) const {
    const auto count = [&](UploadRank of) { return asked_[static_cast<size_t>(of)]; };
    const size_t closing = count(UploadRank::closing_log);
    const size_t unhurried = closing + count(UploadRank::artifact);
    const size_t max = config_.transfers_max;
    if (unhurried + count(UploadRank::fresh_log) >= max) return false;
    if (rank == UploadRank::fresh_log) return true;
    const size_t unhurried_max = max > kKeptForLogs ? max - kKeptForLogs : 1;
    if (unhurried >= unhurried_max) return false;
    return rank == UploadRank::artifact || closing + 1 < std::max<size_t>(unhurried_max, 2);
  }

  // One file of each folder at most, those folders first that had their turn longest ago. False
  // when nothing was asked or done.
  bool step_round(UploadRank rank, Instant now) {
    bool moved = false;
    AttemptToken& last = last_turn_[static_cast<size_t>(rank)];
    auto folder = folders_.upper_bound(last);
    for (size_t left = folders_.size(); left > 0 && has_room(rank); --left, ++folder) {
      if (folder == folders_.end()) folder = folders_.begin();
      FileUpload* const file = folder->second.next(rank, now);
      if (file == nullptr) continue;
      last = folder->first;
      moved = step_file(rank, folder->first, folder->second, *file, now) || moved;
    }
    return moved;
  }

  bool step_file(UploadRank rank, const AttemptToken& token, UploadFolder& folder, FileUpload& file,
                 Instant now) {
    const std::string name = file.name().name;
    size_t& asked = asked_[static_cast<size_t>(rank)];
    ++asked;
    const FileUpload::Step step = file.step(*target_, folder.note().finished, now,
                                            [this, &asked, token, name](const ArchiveReply& reply) {
                                              --asked;
                                              take(token, name, reply);
                                            });
    if (step == FileUpload::Step::asked) return true;
    --asked;
    if (file.over()) {
      finish(token, folder, name);
      return true;
    }
    more_ = more_ || step == FileUpload::Step::again;
    folder.settle(file, step);
    return false;
  }

  // The file is over.
  void finish(const AttemptToken& token, UploadFolder& folder, const std::string& name) {
    const FileUpload& file = folder.files().at(name);
    const std::string& refusal = file.refusal();
    if (file.is_cut()) {
      spdlog::warn(
          "uploads: the end of {} of {} attempt {} is not archived: the job has written "
          "to it itself, past its limit (worker.log_max)",
          name, token.guid, token.attempt);
      folder.note_refusal(name,
                          "its end is not archived: the job has written to it itself, past "
                          "its limit (worker.log_max)");
    }
    if (!refusal.empty()) {
      spdlog::error("uploads: {} of {} attempt {} is not archived: {}", name, token.guid,
                    token.attempt, refusal);
      folder.note_refusal(name, refusal);
    }
    folder.forget(name);
  }

  void take(const AttemptToken& token, const std::string& name, const ArchiveReply& reply) {
    const auto folder = folders_.find(token);
    if (folder == folders_.end()) return;
    const auto found = folder->second.files().find(name);
    if (found == folder->second.files().end()) return;
    FileUpload& file = found->second;
    file.take(reply, clock_.now(), random_bits());
    if (file.refusal().empty()) {
      note_fault(file.fault());
    } else {
      fault_.clear();  // it is that file's, which is given up
    }
    folder->second.settle(file, FileUpload::Step::again);
    if (file.over()) finish(token, folder->second, name);
  }

  // The same trouble is logged once.
  void note_fault(const std::string& fault) {
    if (fault.empty() && !fault_.empty()) spdlog::info("uploads: the archive takes files again");
    if (!fault.empty() && fault_.empty()) spdlog::warn("uploads: {}; trying again", fault);
    fault_ = fault;
  }

  void remove_delivered(Instant now) {
    for (const auto& entry : folders_) {
      const AttemptToken token = entry.first;
      const UploadFolder& folder = entry.second;
      if (removing_.size() >= kRemovalsMax) return;
      if (!folder.delivered() || removing_.contains(token)) continue;
      const auto later = remove_at_.find(token);
      if (later != remove_at_.end() && now < later->second) continue;
      removing_.insert(token);
      threads_.run([this, token, dir = folder.note().dir, now]() -> UploadThreads::Done {
        return [this, token, removal = remove_attempt_folder(dir, now)] {
          take_removal(token, removal);
        };
      });
    }
  }

  void take_removal(const AttemptToken& token, const FolderRemoval& removal) {
    removing_.erase(token);
    if (!removal.problem.empty()) spdlog::warn("uploads: {}", removal.problem);
    const auto folder = folders_.find(token);
    if (removal.again) {
      remove_at_[token] = *removal.again;
      if (folder->second.note_delivered()) remember(folder->second.note());
      return;
    }
    ::unlink(upload_note_file(config_.state_dir, token).c_str());
    watch_.remove(token);
    remove_at_.erase(token);
    folders_.erase(folder);
  }

  void tell_status() {
    const std::lock_guard lock(mutex_);
    status_ = {};
    status_.fault = fault_;
    for (auto& [token, folder] : folders_) {
      status_.attempts += !remove_at_.contains(token);
      status_.files += folder.files().size();
    }
  }

  UploaderConfig config_;
  const std::string base_;
  std::vector<AttemptToken> unfinished_;  // as found at the beginning
  SystemClock clock_;
  HttpClient client_;
  UploadThreads threads_;  // which wake client_
  std::unique_ptr<UploadTarget> target_;
  LogWatch watch_;
  std::map<AttemptToken, UploadFolder> folders_;
  std::map<AttemptToken, Instant> remove_at_;  // delivered, but not to be removed before
  std::set<AttemptToken> removing_;            // by one of threads_
  std::array<AttemptToken, kUploadRanks> last_turn_;
  std::array<size_t, kUploadRanks> asked_{};  // requests under way
  bool more_ = false;                         // there is to be done without any answer
  std::string fault_;

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable ended_;
  std::deque<Command> commands_;
  UploaderStatus status_;
  bool stopped_ = false;
  bool has_ended_ = false;  // the thread, but for its last step

  std::jthread thread_;  // joins before anything above goes
};

Result<std::unique_ptr<Uploader>> Uploader::start(UploaderConfig config) {
  if (const auto reason = invalid_archive_base(config.archive)) return Error{*reason};
  auto impl = std::make_unique<Impl>(std::move(config));
  if (const Result<Done> begun = impl->begin(); !begun) return Error{begun.error()};
  return std::unique_ptr<Uploader>(new Uploader(std::move(impl)));
}

Uploader::Uploader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Uploader::~Uploader() = default;

const std::string& Uploader::base() const { return impl_->base(); }
std::string Uploader::url(const AttemptToken& token, const std::string& name) const {
  return impl_->url(token, name);
}
void Uploader::follow(const AttemptToken& token, const std::string& dir) {
  impl_->tell({token, dir});
}
void Uploader::finish(const AttemptToken& token) { impl_->tell({token, ""}); }
const std::vector<AttemptToken>& Uploader::unfinished() const { return impl_->unfinished(); }
bool Uploader::stop(Duration patience) { return impl_->stop(patience); }
UploaderStatus Uploader::status() const { return impl_->status(); }

}  // namespace muster
