#include "collectors/sinks_http.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <vector>

#include "collectors/http_answers.h"
#include "io/json_writer.h"

namespace muster {
namespace {

// For the sink's thread to be between two deliveries.
constexpr Duration kPatience = 30s;
// After so long an order is answered in part, before whoever asks takes us for dead.
constexpr Duration kOrderShare = 15s;

void put_time(JsonWriter& json, const char* key, Instant time) {
  if (time != kNever) json.text(key, format_rfc3339(time));
}

// The newest event of the log `log_id` that any sink has heard of: one that hangs hears nothing.
uint64_t head_of(const SinkPosts& posts, const std::string& log_id) {
  uint64_t head = 0;
  for (const auto& post : posts) {
    const SinkStatus status = post->desk.status();
    if (status.log_id == log_id) head = std::max(head, status.head);
  }
  return head;
}

void put_status(JsonWriter& json, const SinkPost& post, const SinkPosts& posts, Instant now) {
  SinkStatus status = post.desk.status();
  status.head = std::max(status.head, head_of(posts, status.log_id));
  const uint64_t lag = status.head > status.cursor ? status.head - status.cursor : 0;
  const bool is_old = lag > 0 && status.oldest != kNever && status.oldest < now;
  json.begin_object();
  json.text("name", post.sink->name());
  json.text("place", post.sink->place());
  // Until its place has said how far it is, and the broker what there is.
  const bool is_open = !status.log_id.empty();
  const bool is_head_known = is_open && status.head > 0;
  const std::string_view well = !is_head_known ? "starting" : lag > 0 ? "behind" : "ok";
  json.text("state", status.failing > 0 ? "failing" : well);
  if (is_open) {
    json.text("log", status.log_id);
    json.number("cursor", status.cursor);
  }
  if (is_head_known) {
    json.number("head", status.head);
    json.number("lag_events", lag);
    json.seconds("lag_s", is_old ? now - status.oldest : Duration(0));
  }
  json.number("delivered", status.delivered);
  json.number("batches", status.batches);
  json.number("failures", status.failures);
  json.number("buried", status.buried);
  if (status.unknown > 0) {
    json.number("unknown", status.unknown);
    json.number("first_unknown", status.first_unknown);
  }
  put_time(json, "delivering_since", status.delivering_since);
  if (const auto letters = post.letters.count()) json.number("dead_letters", *letters);
  if (status.failing > 0) {
    json.number("failing", uint64_t{status.failing});
    json.text("error", status.error);
    put_time(json, "failing_since", status.failing_since);
    put_time(json, "retry_at", status.retry_at);
  }
  json.end_object();
}

// "3,17"; nothing when it is no list of numbers. None where the key is not there.
std::optional<std::vector<uint64_t>> read_numbers(const HttpCall& call) {
  std::vector<uint64_t> numbers;
  const auto found = call.query.find("seq");
  if (found == call.query.end()) return numbers;
  const char* at = found->second.data();
  const char* const end = at + found->second.size();
  for (;;) {
    uint64_t number = 0;
    const auto [rest, error] = std::from_chars(at, end, number);
    if (error != std::errc()) return std::nullopt;
    numbers.push_back(number);
    if (rest == end) return numbers;
    if (*rest != ',') return std::nullopt;
    at = rest + 1;
  }
}

HttpAnswer answer_order(const SinkOrderResult& result) {
  JsonWriter json;
  json.begin_object();
  json.text("schema", "muster.sink_order/1");
  if (!result.error.empty()) json.text("error", result.error);
  json.begin_array("done");
  for (const uint64_t seq : result.done) json.number("", seq);
  json.end_array();
  json.begin_array("refused");
  for (const Refusal& refusal : result.refused) {
    json.begin_object();
    json.number("seq", refusal.seq);
    json.text("answer", refusal.answer);
    json.end_object();
  }
  json.end_array();
  if (!result.left.empty()) {
    json.begin_array("left");
    for (const uint64_t seq : result.left) json.number("", seq);
    json.end_array();
  }
  json.end_object();
  HttpAnswer answer;
  answer.status = result.error.empty() ? 200 : result.is_wrong ? 400 : 409;
  answer.body = json.take() + "\n";
  return answer;
}

HttpAnswer give_letters(const SinkPost& post) {
  Result<std::pair<UniqueFd, uint64_t>> letters = post.letters.snapshot();
  if (!letters.ok()) return http_refusal(409, letters.error());
  HttpAnswer answer;
  answer.type = "application/x-ndjson";
  answer.file = std::move(letters->first);
  answer.file_bytes = letters->second;
  return answer;
}

}  // namespace

HttpAnswer SinksHttp::answer(const HttpCall& call) {
  const bool reads = call.method == "GET" || call.method == "HEAD";
  if (!reads && call.method != "POST") return refuse_method(call, "GET, HEAD, POST");
  std::string_view path = call.path;
  const bool is_ours = path.starts_with(kSinksPath);
  if (is_ours) path.remove_prefix(kSinksPath.size());
  if (!is_ours || (!path.empty() && path.front() != '/')) {
    return http_refusal(404, "there is no such thing here; see docs/sinks.md");
  }
  if (path.empty() || path == "/") return reads ? list() : refuse_method(call, "GET, HEAD");
  path.remove_prefix(1);
  const size_t slash = std::min(path.find('/'), path.size());
  const std::string_view name = path.substr(0, slash);
  const auto found = std::find_if(posts_.begin(), posts_.end(),
                                  [&](const auto& post) { return post->sink->name() == name; });
  if (found == posts_.end()) {
    std::string names;
    for (const auto& post : posts_) {
      names += (names.empty() ? "" : ", ") + std::string(post->sink->name());
    }
    return http_refusal(404,
                        "there is no sink \"" + std::string(name) + "\" here; there are: " + names);
  }
  const std::string_view what = path.substr(std::min(slash + 1, path.size()));
  if (reads && what == "dead") return give_letters(**found);
  if (reads) return http_refusal(404, "a sink has nothing of this name to be read");
  return order(call, **found, what);
}

HttpAnswer SinksHttp::list() {
  const Instant now = clock_.now();
  JsonWriter json;
  json.begin_object();
  json.text("schema", "muster.sinks/1");
  json.begin_array("sinks");
  for (const auto& post : posts_) put_status(json, *post, posts_, now);
  json.end_array();
  json.end_object();
  HttpAnswer answer;
  answer.body = json.take() + "\n";
  return answer;
}

// Part by part; the log has its turn between two.
SinkOrderResult SinksHttp::change_letters(SinkPost& post, SinkOrder order, uint64_t after) {
  SinkOrderResult whole;
  const Result<std::vector<uint64_t>> chosen = post.letters.choose(order.seqs);
  if (!chosen.ok()) {
    whole.error = chosen.error();
    whole.is_wrong = post.letters.count().has_value();  // they are open: there is no such letter
    return whole;
  }
  if (after > 0) {
    order.seqs = *chosen;
    std::erase_if(order.seqs, [&](uint64_t seq) { return seq <= after; });
    if (order.seqs.empty()) return whole;  // none: not all
  }
  const Instant began = clock_.now();
  do {
    SinkOrderResult part = post.desk.ask(order, kPatience);
    whole.done.insert(whole.done.end(), part.done.begin(), part.done.end());
    std::move(part.refused.begin(), part.refused.end(), std::back_inserter(whole.refused));
    whole.error = std::move(part.error);
    whole.is_wrong = part.is_wrong;
    order.seqs = part.left;
    whole.left = std::move(part.left);
  } while (whole.error.empty() && !whole.left.empty() && clock_.now() - began < kOrderShare);
  return whole;
}

HttpAnswer SinksHttp::order(const HttpCall& call, SinkPost& post, std::string_view what) {
  if (!call.body.empty()) {
    return http_refusal(400, "an order has no body: what it is about is said in the address (" +
                                 std::string(kSinksPath) + "/NAME/replay?from=SEQ)");
  }
  if (what == "replay") {
    const std::optional<uint64_t> from = query_number(call, "from", 1);
    if (!from || *from == 0) return http_refusal(400, "from is not the number of an event");
    return answer_order(post.desk.ask({SinkOrder::Kind::replay, *from, {}}, kPatience));
  }
  const std::optional<std::vector<uint64_t>> seqs = read_numbers(call);
  if (!seqs) return http_refusal(400, "seq is no list of numbers, such as 3,17");
  const bool is_drop = what == "dead/drop";
  if (!is_drop && what != "dead/retry") {
    return http_refusal(404, "a sink can do nothing of this name");
  }
  const std::optional<uint64_t> after = query_number(call, "after", 0);
  if (!after) return http_refusal(400, "after is not the number of an event");
  const bool has_all = call.query.contains("all");
  if (has_all && (query_text(call, "all") != "1" || !seqs->empty())) {
    return http_refusal(400, "all=1 is all letters; those of seq=N,N are without it");
  }
  if (is_drop && seqs->empty() && !has_all) {
    return http_refusal(400, "say which letters are to be dropped: seq=N,N or all=1");
  }
  const SinkOrder::Kind kind = is_drop ? SinkOrder::Kind::drop : SinkOrder::Kind::retry;
  return answer_order(change_letters(post, {kind, 1, *seqs}, *after));
}

}  // namespace muster
