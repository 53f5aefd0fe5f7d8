#include "cli/archive_client.h"

#include <unistd.h>

#include <vector>

#include "cli/failure.h"
#include "io/archive_json.h"
#include "io/http.h"

namespace muster {
namespace {

constexpr size_t kChunkBytes = 256 << 10;

class DirectoryClient final : public ArchiveClient {
 public:
  explicit DirectoryClient(const std::string& base)
      : base_(base), store_(file_url_path(base).value_or("")) {}

  std::string place() const override { return store_.dir(); }
  Result<std::optional<ArchiveFolder>> list(const std::string& guid) override {
    return store_.list(guid);
  }
  Result<Done> pin(const std::string& guid, bool pinned) override {
    return store_.pin(guid, pinned);
  }
  Result<Done> read(const ArchiveName& name, uint64_t offset,
                    const std::function<bool(std::string_view)>& take) override {
    const OpenedArchiveFile file = store_.open(name);
    if (!file.reply.ok()) return Error{file.reply.reason};
    std::vector<char> chunk(kChunkBytes);
    for (;;) {
      const ssize_t size =
          ::pread(file.fd.get(), chunk.data(), chunk.size(), static_cast<off_t>(offset));
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return Error{"cannot read " + name.name + ": " + errno_text(errno)};
      if (size == 0 || !take({chunk.data(), static_cast<size_t>(size)})) return Done{};
      offset += static_cast<uint64_t>(size);
    }
  }
  std::string url(const ArchiveName& name) const override { return archive_url(base_, name); }

 private:
  std::string base_;
  ArchiveStore store_;
};

class RemoteClient final : public ArchiveClient {
 public:
  RemoteClient(std::string base, std::string token)
      : base_(std::move(base)), token_(std::move(token)) {}

  std::string place() const override { return without_credentials(base_); }

  Result<std::optional<ArchiveFolder>> list(const std::string& guid) override {
    const HttpReply reply = ask("GET", archive_url(base_, {guid, 0, ""}));
    if (reply.status == 404 && reply.fault.empty()) return std::optional<ArchiveFolder>();
    if (!reply.ok()) return Error{reason(reply)};
    Result<ArchiveFolder> folder = parse_archive_folder(reply.body);
    if (!folder) return Error{place() + ": " + folder.error()};
    return std::optional<ArchiveFolder>(std::move(*folder));
  }

  Result<Done> pin(const std::string& guid, bool pinned) override {
    const HttpReply reply =
        ask("POST", archive_url(base_, {guid, 0, ""}) + (pinned ? "?pin=1" : "?pin=0"));
    if (!reply.ok()) return Error{reason(reply)};
    return Done{};
  }

  Result<Done> read(const ArchiveName& name, uint64_t offset,
                    const std::function<bool(std::string_view)>& take) override {
    HttpRequest request;
    request.url = archive_url(base_, name) + "?offset=" + std::to_string(offset);
    request.take = take;
    const HttpReply reply = client_.ask(std::move(request));
    if (!reply.ok()) return Error{reason(reply)};
    return Done{};
  }

  std::string url(const ArchiveName& name) const override {
    return public_archive_url(base_, name);
  }

 private:
  HttpReply ask(const char* method, std::string url) {
    HttpRequest request;
    request.method = method;
    request.url = std::move(url);
    request.token = token_;
    return client_.ask(std::move(request));
  }

  std::string reason(const HttpReply& reply) const {
    if (!reply.fault.empty()) return reply.fault;
    return place() + " answers " + std::to_string(reply.status) +
           (reply.body.empty() ? "" : ": " + printable(reply.body.substr(0, 500)));
  }

  std::string base_;
  std::string token_;
  HttpClient client_;
};

bool is_archive_here(const std::string& base) {
  const std::optional<std::string> path = file_url_path(base);
  return path && ::access((*path + "/" + std::string(kArchiveOwnDir)).c_str(), F_OK) == 0;
}

}  // namespace

Result<std::unique_ptr<ArchiveClient>> open_archive(const std::string& base,
                                                    const std::string& token) {
  if (const auto why = invalid_archive_base(base)) return Error{*why};
  if (base.starts_with("ftp://")) {
    return Error{"what is on an FTP server is seen with an FTP client: " +
                 without_credentials(base)};
  }
  if (base.starts_with("file://"))
    return std::unique_ptr<ArchiveClient>(std::make_unique<DirectoryClient>(base));
  return std::unique_ptr<ArchiveClient>(std::make_unique<RemoteClient>(base, token));
}

std::unique_ptr<ArchiveClient> archive_of(Session& session, const TaskInfo& task) {
  std::string base = session.config().archive.url;
  for (const AttemptInfo& attempt : task.attempts) {
    const std::optional<std::string> named = archive_base_of(attempt.log_url);
    if (named && (!named->starts_with("file://") || is_archive_here(*named))) base = *named;
  }
  const Result<std::string> token = load_http_token(session.config());
  if (!token) throw Failure{kExitLocal, token.error(), ""};
  Result<std::unique_ptr<ArchiveClient>> client = open_archive(base, *token);
  if (!client) throw Failure{kExitLocal, client.error(), ""};
  return std::move(*client);
}

Result<LogTail> open_log(Session& session, const std::string& guid, const AttemptInfo& attempt,
                         uint64_t offset) {
  Result<LogTail> tail = LogTail::open(attempt.log_url, offset);
  if (tail || !attempt.log_url.starts_with("file://")) return tail;
  const std::string& base = session.config().archive.url;
  if (base.starts_with("file://") && !is_archive_here(base)) return tail;
  const std::string url = archive_url(base, {guid, attempt.attempt, std::string(kLogName)});
  const std::optional<std::string> path = file_url_path(url);
  if (path && ::access(path->c_str(), F_OK) != 0) return tail;
  return LogTail::open(url, offset);
}

}  // namespace muster
