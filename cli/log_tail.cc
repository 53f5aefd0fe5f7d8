#include "cli/log_tail.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "io/archive_dir.h"
#include "io/archive_name.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/http.h"

namespace muster {
namespace {

constexpr size_t kChunkBytes = 64 << 10;
constexpr Duration kFileLookAgain = 20ms;
constexpr Duration kFtpAskAgain = 300ms;
constexpr Duration kAskAgainMax = 2s;
constexpr int kWaitSeconds = 20;  // of one long poll

}  // namespace

class LogTail::Reader {
 public:
  explicit Reader(uint64_t offset) : offset_(offset) {}
  virtual ~Reader() = default;

  // Prints what has come. Waits up to `wait` for the first byte.
  virtual void advance(Output& output, Duration wait) = 0;
  // The same for all that there is, and no more.
  virtual Result<Done> finish(Output& output) = 0;
  // Everything was printed, and there will be no more.
  virtual bool complete() const = 0;

  uint64_t offset() const { return offset_; }
  const std::string& fault() const { return fault_; }

 protected:
  void print(Output& output, std::string_view bytes) {
    output.print(bytes);
    offset_ += bytes.size();
  }

  uint64_t offset_;
  std::string fault_;
};

namespace {

class FileReader final : public LogTail::Reader {
 public:
  FileReader(std::string path, uint64_t offset) : Reader(offset), path_(std::move(path)) {}

  void advance(Output& output, Duration wait) override {
    const uint64_t before = offset_;
    read_on(output);
    if (offset_ > before || complete_ || wait <= Duration(0)) return;
    const Duration nap = std::min(wait, kFileLookAgain);
    ::poll(nullptr, 0, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(nap).count()));
  }

  Result<Done> finish(Output& output) override {
    read_on(output);
    if (!fault_.empty()) return Error{fault_};
    return Done{};
  }

  bool complete() const override { return complete_; }

 private:
  void read_on(Output& output) {
    // What is known is asked before reading: what comes in between is still read then.
    const bool may_end = is_closed();
    if (!fd_.valid()) fd_ = UniqueFd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    fault_ = fd_.valid() ? "" : "cannot read " + printable(path_) + ": " + errno_text(errno);
    std::array<char, kChunkBytes> chunk;
    while (fd_.valid()) {
      const ssize_t size =
          ::pread(fd_.get(), chunk.data(), chunk.size(), static_cast<off_t>(offset_));
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) fault_ = "cannot read " + printable(path_) + ": " + errno_text(errno);
      if (size <= 0) break;
      print(output, {chunk.data(), static_cast<size_t>(size)});
    }
    complete_ = may_end && fd_.valid();
  }

  // In an archive a note says so; elsewhere nothing does, and whoever ends it has ended before its
  // task does.
  bool is_closed() const {
    const std::string dir = path_.substr(0, path_.rfind('/'));
    const UniqueFd own(::open((dir + "/" + std::string(kArchiveOwnDir)).c_str(),
                              O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!own.valid()) return true;
    const std::optional<ArchiveNote> note =
        read_note(own.get(), note_file_name(path_.substr(dir.size() + 1)));
    return note && note->complete;
  }

  std::string path_;
  UniqueFd fd_;
  bool complete_ = false;
};

// One request after the other, each for what comes after the last byte that was printed.
class RemoteReader final : public LogTail::Reader {
 public:
  RemoteReader(std::string url, uint64_t offset) : Reader(offset), url_(std::move(url)) {}

  void advance(Output& output, Duration wait) override {
    const int64_t deadline_us = boot_us() + wait.count();
    for (bool moved = true; moved || boot_us() < deadline_us;) {
      if (client_.active() == 0 && boot_us() >= next_ask_us_) ask(output, kWaitSeconds);
      const uint64_t before = offset_;
      const Duration left(std::max<int64_t>(0, deadline_us - boot_us()));
      client_.run(std::min<Duration>(left, 50ms));
      moved = offset_ > before;
      if (complete_ || (moved && wait > Duration(0))) return;
    }
  }

  Result<Done> finish(Output& output) override {
    ask(output, 0);
    while (client_.active() > 0) client_.run(1s);
    if (!fault_.empty()) return Error{fault_};
    return Done{};
  }

  bool complete() const override { return complete_; }

 private:
  bool is_ftp() const { return url_.starts_with("ftp://"); }

  void ask(Output& output, int wait_seconds) {
    HttpRequest request;
    request.url = url_;
    request.from = is_ftp() ? offset_ : 0;
    if (!is_ftp()) {
      request.url += "?offset=" + std::to_string(offset_) + "&wait=" + std::to_string(wait_seconds);
    }
    request.silence_max = std::chrono::seconds(wait_seconds) + 15s;
    request.take = [this, &output](std::string_view bytes) {
      print(output, bytes);
      return true;
    };
    const uint64_t before = offset_;
    client_.start(std::move(request),
                  [this, before](const HttpReply& reply) { take(reply, before); });
  }

  void take(const HttpReply& reply, uint64_t before) {
    if (!reply.ok()) {
      fault_ = reply.fault.empty() ? "no log is at " + printable(without_credentials(url_)) +
                                         " (the answer is " + std::to_string(reply.status) + ")"
                                   : reply.fault;
      failures_ = std::min(failures_ + 1, 10u);
      const Duration wait = std::min<Duration>(failures_ * Duration(100ms), kAskAgainMax);
      next_ask_us_ = boot_us() + wait.count();
      return;
    }
    fault_.clear();
    failures_ = 0;
    if (!is_ftp()) {
      complete_ = reply.header("muster-complete") == "true" &&
                  reply.header("muster-bytes") == std::to_string(offset_);
    } else if (offset_ == before) {
      next_ask_us_ = boot_us() + kFtpAskAgain.count();
      look_for_note();
    }
  }

  // What says that a file on an FTP server is complete (workers/upload_target.h).
  void look_for_note() {
    HttpRequest request;
    request.method = "SIZE";
    const size_t slash = url_.rfind('/');
    request.url = url_.substr(0, slash + 1) + std::string(kArchiveOwnDir) + "/" +
                  url_encode(note_file_name(url_.substr(slash + 1)));
    client_.start(std::move(request), [this, at = offset_](const HttpReply& reply) {
      complete_ = reply.ok() && offset_ == at;
    });
  }

  HttpClient client_;
  std::string url_;
  bool complete_ = false;
  uint32_t failures_ = 0;
  int64_t next_ask_us_ = 0;
};

}  // namespace

LogTail::LogTail(std::unique_ptr<Reader> reader) : reader_(std::move(reader)) {}
LogTail::LogTail(LogTail&&) noexcept = default;
LogTail& LogTail::operator=(LogTail&&) noexcept = default;
LogTail::~LogTail() = default;

Result<LogTail> LogTail::open(const std::string& url, uint64_t offset) {
  if (url.empty()) return Error{"the attempt has not said where its log is"};
  if (const std::optional<std::string> path = file_url_path(url)) {
    const std::optional<std::string> archive = archive_base_of(url);
    const std::string own = archive.value_or("").substr(archive ? sizeof("file://") - 1 : 0) + "/" +
                            std::string(kArchiveOwnDir);
    // In an archive of this machine it may still come.
    if (::access(path->c_str(), F_OK) != 0 && (!archive || ::access(own.c_str(), F_OK) != 0)) {
      return Error{"its log " + printable(*path) +
                   " is not on this machine: not yet, or it is on the worker's, or was removed"};
    }
    return LogTail(std::make_unique<FileReader>(*path, offset));
  }
  if (invalid_archive_base(url)) {
    return Error{"its log is at " + printable(url) + ", which this version cannot read"};
  }
  return LogTail(std::make_unique<RemoteReader>(url, offset));
}

void LogTail::print_new(Output& output) { reader_->advance(output, Duration(0)); }

Result<Done> LogTail::print_all(Output& output) { return reader_->finish(output); }

bool LogTail::print_rest(Output& output, Duration patience) {
  int64_t newest_us = boot_us();
  while (!reader_->complete()) {
    const uint64_t before = reader_->offset();
    reader_->advance(output, 500ms);
    if (reader_->offset() > before) newest_us = boot_us();
    if (boot_us() - newest_us > patience.count()) break;
  }
  return reader_->complete();
}

uint64_t LogTail::offset() const { return reader_->offset(); }
std::string LogTail::fault() const { return reader_->fault(); }

}  // namespace muster
