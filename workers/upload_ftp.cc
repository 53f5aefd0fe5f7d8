#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/guid.h"
#include "workers/upload_target.h"

namespace muster {
namespace {

class FtpTarget final : public UploadTarget {
 public:
  FtpTarget(std::string archive, HttpClient& client, Clock& clock)
      : archive_(std::move(archive)), client_(client), clock_(clock) {}

  void look(const ArchiveName& name, Done done) override {
    start("SIZE", archive_url(archive_, name), "",
          [done = std::move(done)](const HttpReply& answer) { done(size_of(answer)); });
  }

  void append(const ArchiveName& name, uint64_t offset, std::string bytes, Done done) override {
    const uint64_t end = offset + bytes.size();
    // The first one makes the folders, and replaces what may be there.
    start(offset == 0 ? "STOR" : "APPE", archive_url(archive_, name), std::move(bytes),
          [done = std::move(done), end](const HttpReply& answer) { done(stored(answer, end)); });
  }

  void complete(const ArchiveName& name, uint64_t bytes, const std::string& sha256,
                Done done) override {
    if (bytes == 0) {
      return append(name, 0, "", [this, name, sha256, done = std::move(done)](ArchiveReply reply) {
        if (!reply.ok()) return done(std::move(reply));
        leave_note(name, 0, sha256, done);
      });
    }
    look(name, [this, name, bytes, sha256, done = std::move(done)](ArchiveReply reply) {
      if (!reply.ok()) return done(std::move(reply));
      if (reply.bytes == bytes) return leave_note(name, bytes, sha256, done);
      reply.fault = ArchiveFault::wrong_offset;
      reply.reason =
          "it has " + std::to_string(reply.bytes) + " bytes, not " + std::to_string(bytes);
      done(std::move(reply));
    });
  }

  // The next append at 0 replaces it.
  void restart(const ArchiveName&, Done done) override { done({}); }
  Duration gap() const override { return 100ms; }

 private:
  void start(const char* method, const std::string& url, std::string body, HttpClient::Done done) {
    HttpRequest request;
    request.method = method;
    request.url = url;
    request.body = std::move(body);
    request.make_dirs = request.method == "STOR";
    client_.start(std::move(request), std::move(done));
  }

  static ArchiveReply failed(const HttpReply& answer) {
    ArchiveReply reply;
    reply.fault = ArchiveFault::failed;
    reply.reason = answer.fault;
    reply.refused = answer.refused;
    return reply;
  }

  static ArchiveReply size_of(const HttpReply& answer) {
    if (!answer.fault.empty()) return failed(answer);
    ArchiveReply reply;
    if (answer.status == 404) {
      reply.fault = ArchiveFault::absent;
      reply.reason = "it is not there";
      return reply;
    }
    const std::string size = answer.header("content-length");
    std::from_chars(size.data(), size.data() + size.size(), reply.bytes);
    return reply;
  }

  static ArchiveReply stored(const HttpReply& answer, uint64_t end) {
    if (!answer.ok()) return failed(answer);
    ArchiveReply reply;
    reply.bytes = end;
    return reply;
  }

  void leave_note(const ArchiveName& name, uint64_t bytes, const std::string& sha256, Done done) {
    using Json = nlohmann::ordered_json;
    const Json note = {{"guid", name.guid},
                       {"attempt", name.attempt},
                       {"name", name.name},
                       {"complete", true},
                       {"bytes", bytes},
                       {"sha256", sha256},
                       {"stored", format_rfc3339(clock_.now())}};
    const ArchiveName place{
        name.guid, name.attempt,
        std::string(kArchiveOwnDir) + "/" + percent_encode(name.name) + ".json"};
    start("STOR", archive_url(archive_, place),
          note.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n",
          [done = std::move(done), bytes, sha256](const HttpReply& answer) {
            ArchiveReply reply = stored(answer, bytes);
            reply.complete = reply.ok();
            reply.sha256 = sha256;
            done(std::move(reply));
          });
  }

  std::string archive_;
  HttpClient& client_;
  Clock& clock_;
};

}  // namespace

std::unique_ptr<UploadTarget> make_ftp_target(const std::string& archive, HttpClient& client,
                                              Clock& clock) {
  return std::make_unique<FtpTarget>(archive, client, clock);
}

}  // namespace muster
