#include "collectors/decibel_http.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "collectors/decibel_search.h"
#include "collectors/http_answers.h"
#include "core/guid.h"
#include "io/decibel_json.h"
#include "io/decibel_xml.h"
#include "io/json_writer.h"
#include "io/sha256.h"

namespace muster {
namespace {

constexpr size_t kPieceBytes = 256 << 10;

// A body in memory or in a file, piece by piece. False of `take` ends it.
Result<Done> each_piece(const HttpCall& call,
                        const std::function<Result<Done>(std::string_view)>& take) {
  if (call.body_file < 0) return call.body.empty() ? Result<Done>(Done{}) : take(call.body);
  std::string piece(kPieceBytes, '\0');
  for (off_t at = 0;;) {
    const ssize_t size = ::pread(call.body_file, piece.data(), piece.size(), at);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Error{errno_text(errno)};
    if (size == 0) return Done{};
    if (Result<Done> done = take({piece.data(), static_cast<size_t>(size)}); !done.ok()) {
      return done;
    }
    at += size;
  }
}

Result<Done> read_xml(const HttpCall& call, DecibelHandler& handler) {
  DecibelXmlReader reader(handler);
  Result<Done> done = each_piece(call, [&](std::string_view piece) { return reader.feed(piece); });
  return done.ok() ? reader.finish() : done;
}

Result<Done> read_json(const HttpCall& call, DecibelHandler& handler) {
  std::string json;
  Result<Done> done = each_piece(call, [&](std::string_view piece) -> Result<Done> {
    json += piece;
    if (json.size() <= kDecibelJsonBytesMax) return Done{};
    return Error{"JSON may have " + std::to_string(kDecibelJsonBytesMax) +
                 " bytes: send fewer failures, or XML, which may be longer"};
  });
  return done.ok() ? read_decibel_json(json, handler) : done;
}

// What is known of a body before it is read as something.
struct Body {
  bool is_json = false;
  std::string digest;
};

Result<Body> look_at(const HttpCall& call) {
  Body body;
  Sha256 digest;
  bool seen = false;
  Result<Done> done = each_piece(call, [&](std::string_view piece) {
    digest.update(piece);
    const size_t first = piece.find_first_not_of(" \t\r\n");
    if (!seen && first != piece.npos) {
      seen = true;
      body.is_json = piece[first] == '{' || piece[first] == '[';
    }
    return Result<Done>(Done{});
  });
  if (!done.ok()) return Error{done.error()};
  body.digest = digest.hex();
  return body;
}

int status_of(const DecibelReceipt& receipt) {
  switch (receipt.fault) {
    case DecibelFault::none:
      return receipt.is_repeat ? 200 : 201;
    case DecibelFault::wrong:
      return 400;
    case DecibelFault::conflict:
      return 409;
    case DecibelFault::no_room:
      return 507;
    case DecibelFault::failed:
      break;
  }
  return 500;
}

}  // namespace

Result<std::unique_ptr<DecibelStore>> open_decibel_store(const Home& home,
                                                         const DecibelConfig& config) {
  if (!config.receive) return std::unique_ptr<DecibelStore>();
  if (Result<Done> made = make_dirs(home.collector_dir()); !made.ok()) return Error{made.error()};
  return DecibelStore::open(home.collector_dir() + "/test_results.db",
                            {config.keep, config.runs_max});
}

void spool_decibel_bodies(const Home& home, HttpListen& listen) {
  listen.spools = [](const std::string& path) { return path.starts_with(kDecibelPath); };
  listen.spool_max = kDecibelBytesMax;
  listen.spool_dir = home.collector_dir();
}

const std::vector<HttpRoute>& decibel_routes() {
  static const std::vector<HttpRoute> routes = {
      {"POST", std::string(kDecibelPath) + "/", {{}, "docs/decibel.md"}},
      {"GET", std::string(kDecibelPath) + "/search/", {decibel_query_words(), "docs/decibel.md"}},
  };
  return routes;
}

HttpAnswer DecibelHttp::answer(const HttpCall& call) {
  if (store_ == nullptr) {
    return http_refusal(
        404, "this collector takes no results: say receive: true of decibel in its muster.yaml");
  }
  std::string_view path = std::string_view(call.path).substr(kDecibelPath.size());
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path == "/search") return call.reads() ? search(call) : refuse_method(call, "GET, HEAD");
  if (!path.empty()) return http_refusal(404, "there is no such thing here; see docs/decibel.md");
  return call.method == "POST" ? receive(call) : refuse_method(call, "POST");
}

HttpAnswer DecibelHttp::receive(const HttpCall& call) {
  const std::string said = call.header("idempotency-key");
  if (said.size() > kDecibelKeyBytesMax || !is_utf8(said)) {
    return http_refusal(400, "Idempotency-Key: it may have " + std::to_string(kDecibelKeyBytesMax) +
                                 " bytes of UTF-8, and has " + std::to_string(said.size()));
  }
  const Result<Body> body = look_at(call);
  if (!body.ok())
    return http_refusal(500, "the body cannot be read back: " + body.error() + "; send it again");
  const std::string key = said.empty() ? "sha256:" + body->digest : said;
  const auto read = [&](DecibelHandler& handler) {
    return body->is_json ? read_json(call, handler) : read_xml(call, handler);
  };
  const DecibelReceipt receipt = store_->receive(read, key, clock_.now());
  if (receipt.fault != DecibelFault::none) {
    const bool wrong = receipt.fault == DecibelFault::wrong;
    return http_refusal(status_of(receipt), wrong ? "the document is refused: " + receipt.reason +
                                                        "; docs/decibel.md has its fields"
                                                  : receipt.reason);
  }
  JsonWriter json;
  json.begin_object();
  json.text("schema", "muster.decibel_receipt/1");
  json.text("key", receipt.key);
  json.boolean("repeat", receipt.is_repeat);
  if (!receipt.ignored.empty()) {
    say_ignored(receipt);
    json.begin_array("ignored");
    for (const std::string& what : receipt.ignored) json.text("", what);
    json.end_array();
  }
  json.end_object();
  HttpAnswer answer;
  answer.status = status_of(receipt);
  answer.body = json.take() + "\n";
  return answer;
}

// Whoever sends looks at no receipt: once in the log, until it is something else.
void DecibelHttp::say_ignored(const DecibelReceipt& receipt) {
  const std::lock_guard lock(mutex_);
  if (receipt.ignored == said_) return;
  said_ = receipt.ignored;
  std::string names;
  for (const std::string& what : said_) names += (names.empty() ? "" : ", ") + what;
  spdlog::info("deciBel: {} was taken without what no field is for: {}", receipt.key, names);
}

HttpAnswer DecibelHttp::search(const HttpCall& call) {
  const Result<DecibelQuery> query = parse_decibel_query(call.query);
  if (!query.ok()) return http_refusal(400, query.error());
  Result<std::string> found = store_->search(*query);
  if (!found.ok()) return http_refusal(503, found.error());
  HttpAnswer answer;
  answer.body = std::move(*found) + "\n";
  return answer;
}

}  // namespace muster
