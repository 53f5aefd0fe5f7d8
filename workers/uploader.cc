#include "workers/uploader.h"

#include <spdlog/spdlog.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "io/clock.h"
#include "io/file.h"
#include "io/http.h"
#include "io/random.h"
#include "workers/upload_folder.h"
#include "workers/upload_target.h"

namespace muster {
namespace {

constexpr Duration kWaitMax = 1s;
// What is over by then is carried once and not twice.
constexpr Duration kFirstLookAfter = std::chrono::milliseconds(50);
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
        target_(make_upload_target({config_.archive, config_.token, config_.reserve}, client_,
                                   clock_)) {}
  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    client_.wake();
  }

  Result<Done> begin() {
    if (const auto reason = invalid_archive_base(config_.archive)) return Error{*reason};
    if (const Result<Done> made = make_dirs(config_.state_dir); !made) return made;
    std::vector<std::string> problems;
    for (UploadNote& note : read_upload_notes(config_.state_dir, problems)) {
      if (!note.finished) unfinished_.push_back(note.token);
      add_folder(std::move(note), kNever);
    }
    for (const std::string& problem : problems) spdlog::warn("uploads: {}", problem);
    thread_ = std::jthread([this] { run(); });
    return Done{};
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
  void run() {
    while (take_commands()) {
      const Instant now = clock_.now();
      watch_.read([this](const AttemptToken& token) { note_growth(token); });
      scan_due(now);
      const Instant next = step_all(now);
      remove_delivered(now);
      tell_status();
      client_.run(std::clamp<Duration>(next - now, Duration(0), kWaitMax), {watch_.fd()});
    }
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
    for (Command& command : commands) {
      const auto known = folders_.find(command.token);
      if (!command.dir.empty() && known == folders_.end()) {
        const UploadNote note{command.token, command.dir, false};
        remember(note);
        add_folder(note, clock_.now() + kFirstLookAfter);
      } else if (command.dir.empty() && known != folders_.end() && known->second.finish()) {
        remember(known->second.note());
      }
    }
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
    const auto log = folder->second.files().find(std::string(kLogName));
    if (log == folder->second.files().end()) return scan(folder->second, clock_.now());
    log->second.poke();
  }

  void scan_due(Instant now) {
    for (auto& [token, folder] : folders_) {
      if (now < folder.next_scan()) continue;
      watch_.add(token, folder.note().dir);
      scan(folder, now);
    }
  }

  // Gives every file its turn, those first that had theirs longest ago. When to be here again.
  Instant step_all(Instant now) {
    Instant next = now + kWaitMax;
    for (size_t i = 0; i < folders_.size(); ++i) {
      auto folder = folders_.upper_bound(last_turn_);
      if (folder == folders_.end()) folder = folders_.begin();
      last_turn_ = folder->first;
      next = std::min(next, step_folder(folder->first, folder->second, now));
    }
    return next;
  }

  Instant step_folder(const AttemptToken& token, UploadFolder& folder, Instant now) {
    Instant next = std::min(now + kWaitMax, folder.next_scan());
    std::vector<std::string> over;
    for (auto& [name, file] : folder.files()) {
      if (asked_ < config_.transfers_max)
        next = std::min(next, step_file(token, folder, file, now));
      if (file.over()) over.push_back(name);
      if (file.next_try()) next = std::min(next, *file.next_try());
    }
    for (const std::string& name : over) {
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
    folder.tell_refusals();
    if (!over.empty()) next = now;
    return next;
  }

  Instant step_file(const AttemptToken& token, UploadFolder& folder, FileUpload& file,
                    Instant now) {
    if (file.asking()) return now + kWaitMax;
    const std::string name = file.name().name;
    ++asked_;
    const FileUpload::Step step =
        file.step(*target_, folder.note().finished, now,
                  [this, token, name](const ArchiveReply& reply) { take(token, name, reply); });
    if (step == FileUpload::Step::asked) return file.asking() ? now + kWaitMax : now;
    --asked_;
    return step == FileUpload::Step::again ? now : now + kWaitMax;
  }

  void take(const AttemptToken& token, const std::string& name, const ArchiveReply& reply) {
    --asked_;
    const auto folder = folders_.find(token);
    if (folder == folders_.end()) return;
    const auto file = folder->second.files().find(name);
    if (file == folder->second.files().end()) return;
    file->second.take(reply, clock_.now(), random_bits());
    if (file->second.refusal().empty()) {
      note_fault(file->second.fault());
    } else {
      fault_.clear();  // it is that file's, which is given up
    }
  }

  // The same trouble is logged once.
  void note_fault(const std::string& fault) {
    if (fault.empty() && !fault_.empty()) spdlog::info("uploads: the archive takes files again");
    if (!fault.empty() && fault_.empty()) spdlog::warn("uploads: {}; trying again", fault);
    fault_ = fault;
  }

  void remove_delivered(Instant now) {
    for (auto entry = folders_.begin(); entry != folders_.end();) {
      const auto current = entry++;
      const AttemptToken token = current->first;
      const auto later = remove_at_.find(token);
      if (!current->second.delivered() || (later != remove_at_.end() && now < later->second)) {
        continue;
      }
      std::string problem;
      const std::optional<Instant> again = current->second.remove(now, problem);
      if (!problem.empty()) spdlog::warn("uploads: {}", problem);
      if (again) {
        remove_at_[token] = *again;
        continue;
      }
      ::unlink(upload_note_file(config_.state_dir, token).c_str());
      watch_.remove(token);
      remove_at_.erase(token);
      folders_.erase(current);
    }
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
  std::unique_ptr<UploadTarget> target_;
  LogWatch watch_;
  std::map<AttemptToken, UploadFolder> folders_;
  std::map<AttemptToken, Instant> remove_at_;  // delivered, but not to be removed before
  AttemptToken last_turn_;
  size_t asked_ = 0;  // requests under way
  std::string fault_;

  mutable std::mutex mutex_;  // of what follows
  std::deque<Command> commands_;
  UploaderStatus status_;
  bool stopped_ = false;

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
UploaderStatus Uploader::status() const { return impl_->status(); }

}  // namespace muster
