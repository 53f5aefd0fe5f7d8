#include "workers/upload_target.h"

#include <charconv>
#include <optional>
#include <utility>

#include "core/guid.h"

namespace muster {
namespace {

constexpr Duration kSilenceMax = 30s;

// Each request has a thread to itself: a disk that is slow to sync, a digest of a large file and an
// archive that is being swept hold up nothing else.
class DirectoryTarget final : public UploadTarget {
 public:
  DirectoryTarget(const UploadPlace& place, UploadThreads& threads, Clock& clock)
      : store_(std::make_shared<const ArchiveStore>(file_url_path(place.archive).value_or(""),
                                                    place.reserve)),
        threads_(threads),
        clock_(clock) {}

  void look(const ArchiveName& name, Done done) override {
    run([store = store_, name] { return store->look(name); }, std::move(done));
  }
  void append(const ArchiveName& name, uint64_t offset, std::string bytes, Done done) override {
    run([store = store_, name, offset, bytes = std::move(bytes),
         now = clock_.now()] { return store->append(name, offset, bytes, now); },
        std::move(done));
  }
  void complete(const ArchiveName& name, uint64_t bytes, const std::string& sha256,
                Done done) override {
    run([store = store_, name, bytes, sha256,
         now = clock_.now()] { return store->complete(name, bytes, sha256, now); },
        std::move(done));
  }
  void restart(const ArchiveName& name, Done done) override {
    run([store = store_, name] { return store->restart(name); }, std::move(done));
  }
  Duration gap() const override { return 20ms; }

 private:
  void run(std::function<ArchiveReply()> ask, Done done) {
    threads_.run([ask = std::move(ask), done = std::move(done)]() -> UploadThreads::Done {
      return [reply = ask(), done] { done(reply); };
    });
  }

  // Shared with what is under way.
  std::shared_ptr<const ArchiveStore> store_;
  UploadThreads& threads_;
  Clock& clock_;
};

ArchiveFault fault_of(const HttpReply& reply) {
  switch (reply.status) {
    case 200:
      return ArchiveFault::none;
    case 400:
      return ArchiveFault::bad_name;
    case 404:
      return ArchiveFault::absent;
    case 409:
      return reply.header("muster-complete") == "true" ? ArchiveFault::is_complete
                                                       : ArchiveFault::wrong_offset;
    case 422:
      return ArchiveFault::wrong_digest;
    case 507:
      return ArchiveFault::no_room;
    default:
      return ArchiveFault::failed;
  }
}

std::optional<uint64_t> bytes_of(const HttpReply& reply) {
  const std::string text = reply.header("muster-bytes");
  uint64_t bytes = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return bytes;
}

ArchiveReply read_reply(const std::string& url, const HttpReply& answer) {
  ArchiveReply reply;
  const std::optional<uint64_t> bytes = bytes_of(answer);
  if (!answer.fault.empty()) {
    reply.fault = ArchiveFault::failed;
    reply.reason = answer.fault;
    return reply;
  }
  reply.fault = fault_of(answer);
  // A proxy's or somebody else's 404 says nothing about the archive.
  if (!bytes && reply.fault != ArchiveFault::bad_name) reply.fault = ArchiveFault::failed;
  reply.bytes = bytes.value_or(0);
  reply.complete = answer.header("muster-complete") == "true";
  reply.sha256 = answer.header("muster-sha256");
  if (!reply.ok()) {
    reply.reason = without_credentials(url) + " answers " + std::to_string(answer.status) +
                   (answer.body.empty() ? "" : ": " + quote_text(answer.body, 300));
  }
  return reply;
}

class HttpTarget final : public UploadTarget {
 public:
  HttpTarget(UploadPlace place, HttpClient& client) : place_(std::move(place)), client_(client) {}

  void look(const ArchiveName& name, Done done) override {
    ask("HEAD", name, "", "", std::move(done));
  }
  void append(const ArchiveName& name, uint64_t offset, std::string bytes, Done done) override {
    ask("PUT", name, "?offset=" + std::to_string(offset), std::move(bytes), std::move(done));
  }
  void complete(const ArchiveName& name, uint64_t bytes, const std::string& sha256,
                Done done) override {
    ask("POST", name, "?complete&bytes=" + std::to_string(bytes) + "&sha256=" + sha256, "",
        std::move(done));
  }
  void restart(const ArchiveName& name, Done done) override {
    ask("POST", name, "?restart", "", std::move(done));
  }
  Duration gap() const override { return 20ms; }

 private:
  void ask(const char* method, const ArchiveName& name, const std::string& query, std::string body,
           Done done) {
    HttpRequest request;
    request.method = method;
    request.url = archive_url(place_.archive, name) + query;
    request.token = place_.token;
    request.body = std::move(body);
    request.silence_max = kSilenceMax;
    const std::string url = request.url;
    client_.start(std::move(request), [url, done = std::move(done)](const HttpReply& answer) {
      done(read_reply(url, answer));
    });
  }

  UploadPlace place_;
  HttpClient& client_;
};

}  // namespace

std::unique_ptr<UploadTarget> make_upload_target(const UploadPlace& place, HttpClient& client,
                                                 UploadThreads& threads, Clock& clock) {
  if (place.archive.starts_with("file://")) {
    return std::make_unique<DirectoryTarget>(place, threads, clock);
  }
  if (place.archive.starts_with("ftp://")) return make_ftp_target(place.archive, client, clock);
  return std::make_unique<HttpTarget>(place, client);
}

}  // namespace muster
