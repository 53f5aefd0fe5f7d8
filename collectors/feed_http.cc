#include "collectors/feed_http.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "collectors/http_answers.h"
#include "io/json_writer.h"

namespace muster {
namespace {

using std::chrono::steady_clock;

// How often it looks whether the end is there.
constexpr Duration kEndLook = 200ms;
// A client that takes this long for a batch is slow; one that has gone is noticed sooner.
constexpr Duration kSlow = 1s;

enum class Form : uint8_t { page, sse, ndjson };

Result<Form> choose_form(const HttpCall& call) {
  const auto format = call.query.find("format");
  if (format != call.query.end()) {
    if (format->second == "sse") return Form::sse;
    if (format->second == "ndjson") return Form::ndjson;
    if (format->second == "json") return Form::page;
    return Error{"format is sse, ndjson or json"};
  }
  const std::string accept = call.header("accept");
  if (accept.find("text/event-stream") != accept.npos) return Form::sse;
  if (accept.find("application/x-ndjson") != accept.npos) return Form::ndjson;
  return Form::page;
}

std::optional<uint64_t> parse_number(const std::string& text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<FeedPosition> first_event(const HttpCall& call) {
  const std::string log_id = query_text(call, "log");
  if (const std::string last = call.header("last-event-id"); !last.empty()) {
    const size_t at = last.find('@');
    const std::optional<uint64_t> seq = parse_number(last.substr(0, at));
    if (!seq || *seq == UINT64_MAX) {
      return Error{"Last-Event-ID is not the id of an event: SEQ, or SEQ@LOG"};
    }
    return FeedPosition{*seq + 1, at == last.npos ? log_id : last.substr(at + 1)};
  }
  const std::optional<uint64_t> from = query_number(call, "from", 0);
  if (!from || (*from == 0 && call.query.contains("from")) || *from == UINT64_MAX) {
    return Error{"from is not the number of an event; they begin with 1"};
  }
  return FeedPosition{*from, log_id};
}

Result<FeedFilter> read_filter(const HttpCall& call) {
  FeedFilter filter{query_text(call, "type"), query_text(call, "guid")};
  if (const auto why = invalid_filter(filter)) return Error{*why};
  return filter;
}

std::string end_json(const FeedBatch& batch) {
  JsonWriter json;
  json.begin_object();
  json.text("schema", "muster.feed_end/1");
  json.text("reason", batch.ended);
  const bool may_come_back = !batch.is_place_lost || batch.tail > 0;
  if (batch.next > 0 && may_come_back) json.number("next", batch.next);
  if (batch.tail > 0) json.number("tail", batch.tail);
  if (!batch.log_id.empty()) json.text("log", batch.log_id);
  json.end_object();
  return json.take();
}

// Of server-sent events.
std::string id_line(uint64_t seq, const std::string& log_id) {
  return "id: " + std::to_string(seq) + (log_id.empty() ? "" : "@" + log_id) + "\n";
}

// What comes in the place of an event's last brace, so that its log is the last member.
std::string end_of_line(const std::string& log_id) {
  JsonWriter member;
  member.begin_object();
  member.text("log", log_id);
  member.end_object();
  std::string end = member.take();
  end.front() = ',';
  return end + "\n";
}

std::string render(Form form, const FeedBatch& batch) {
  std::string text;
  const std::string line_end = form == Form::ndjson ? end_of_line(batch.log_id) : "";
  for (const FeedEventPtr& event : batch.events) {
    if (form == Form::ndjson) {
      text.append(event->json, 0, event->json.size() - 1) += line_end;
      continue;
    }
    text += id_line(event->seq, batch.log_id) + "event: " + event->type + "\ndata: ";
    text += event->json + "\n\n";
  }
  if (batch.ended.empty()) return text;
  if (form == Form::ndjson) return text + end_json(batch) + "\n";
  // Clients that come back by themselves do so where there is something, or as they came first.
  if (batch.tail > 0) text += id_line(batch.tail - 1, batch.log_id);
  if (batch.tail == 0 && batch.is_place_lost) text += "id\n";
  return text + "event: end\ndata: " + end_json(batch) + "\n\n";
}

// That nothing has happened, and how far the log was looked at: a client that comes back need not
// have it looked at again.
std::string render_beat(Form form, const FeedBatch& batch) {
  if (form == Form::ndjson) return "\n";
  std::string text = batch.away.empty() ? ": beat\n" : ": away: ";
  if (!batch.away.empty()) {
    for (const char c : batch.away) text += c == '\n' || c == '\r' ? ' ' : c;
    text += "\n";
  }
  if (batch.next > 1) text += id_line(batch.next - 1, batch.log_id);
  return text + "\n";
}

// Sends what a subscription gives.
class FeedStream {
 public:
  FeedStream(Form form, bool follows, Duration beat, Duration end_patience,
             std::unique_ptr<FeedSubscription> subscription)
      : form_(form),
        follows_(follows),
        beat_(beat),
        end_patience_(end_patience),
        subscription_(std::move(subscription)) {}

  void run(const HttpSend& send) {
    auto spoken = steady_clock::now();
    std::optional<steady_clock::time_point> away_since;
    if (form_ == Form::sse && !send("retry: 1000\n\n")) return;
    for (std::optional<uint64_t> last;;) {
      const auto quiet = std::chrono::duration_cast<Duration>(steady_clock::now() - spoken);
      const Duration wait = std::max(beat_ - quiet, Duration(0));
      FeedBatch batch = subscription_->next(follows_ ? wait : std::min(wait, kEndLook));
      if (batch.is_head_known && !last) last = batch.head;
      if (batch.away.empty()) away_since.reset();
      if (!batch.away.empty() && !away_since) away_since = steady_clock::now();
      const bool is_away = away_since && steady_clock::now() - *away_since > end_patience_;
      if (!follows_ && batch.ended.empty() && is_away) batch.ended = batch.away;
      const bool is_done = !follows_ && last && batch.next > *last;
      if (is_done) drop_after(*last, batch);
      std::string text = render(form_, batch);
      const bool is_quiet = steady_clock::now() - spoken >= beat_;
      if (text.empty() && is_quiet && !is_done) text = render_beat(form_, batch);
      if (!text.empty()) {
        spoken = steady_clock::now();
        if (!send(text)) return say_gone(batch.next, steady_clock::now() - spoken);
      }
      if (!batch.ended.empty()) spdlog::info("feed: a subscription has ended: {}", batch.ended);
      if (is_done || !batch.ended.empty()) return;
    }
  }

 private:
  static void drop_after(uint64_t last, FeedBatch& batch) {
    std::erase_if(batch.events, [&](const FeedEventPtr& event) { return event->seq > last; });
  }

  void say_gone(uint64_t next, steady_clock::duration waited) {
    if (waited > kSlow) {
      spdlog::info(
          "feed: a subscriber takes too little of what it is sent and is dropped before "
          "event {}",
          next);
      subscription_->note_dropped();
    } else {
      spdlog::debug("feed: a subscriber has gone before event {}", next);
    }
  }

  Form form_;
  bool follows_;
  Duration beat_;
  Duration end_patience_;
  std::unique_ptr<FeedSubscription> subscription_;
};

}  // namespace

HttpAnswer FeedHttp::events(const HttpCall& call) {
  if (!call.reads()) return refuse_method(call, "GET, HEAD");
  const Result<Form> form = choose_form(call);
  if (!form) return http_refusal(400, form.error());
  Result<FeedPosition> from = first_event(call);
  if (!from) return http_refusal(400, from.error());
  Result<FeedFilter> filter = read_filter(call);
  if (!filter) return http_refusal(400, filter.error());
  const std::optional<uint64_t> follow = query_number(call, "follow", 1);
  if (!follow || *follow > 1) return http_refusal(400, "follow is 0 or 1");
  if (*form == Form::page) return page(call, *from, *filter);
  if (call.query.contains("max")) {
    return http_refusal(400, "max is of format=json: a stream has no pages");
  }
  HttpAnswer answer;
  answer.type = *form == Form::sse ? "text/event-stream" : "application/x-ndjson";
  answer.headers.emplace_back("Cache-Control", "no-store");
  // A stream that ends begins with the first event, as a page does.
  if (from->seq == 0 && *follow == 0) from->seq = 1;
  const FeedSide side = call.is_local ? FeedSide::local : FeedSide::far;
  std::unique_ptr<FeedSubscription> subscription =
      feed_.subscribe(std::move(*from), std::move(*filter), side);
  if (!subscription) {
    HttpAnswer refusal = http_refusal(
        503,
        "the feed has " + std::to_string(feed_.limits().places(side)) +
            " subscribers, which is as many as it may: come back later, or ask for format=json");
    refusal.headers.emplace_back("Retry-After", "5");
    return refusal;
  }
  const auto stream = std::make_shared<FeedStream>(*form, *follow == 1, beat_, end_patience_,
                                                   std::move(subscription));
  answer.stream = [stream](const HttpSend& send) { stream->run(send); };
  return answer;
}

HttpAnswer FeedHttp::page(const HttpCall& call, const FeedPosition& from,
                          const FeedFilter& filter) {
  const std::optional<uint64_t> max = query_number(call, "max", kEventsPageMax);
  if (!max || *max == 0 || *max > kEventsPageMax) {
    return http_refusal(400, "max is a number from 1 to " + std::to_string(kEventsPageMax));
  }
  FeedBatch batch = feed_.read(from, filter);
  if (!batch.ended.empty()) {
    HttpAnswer refusal = answer_json(feed_error_to_json(batch));
    refusal.status = batch.is_place_lost ? 409 : batch.tail > 0 ? 410 : 503;
    return refusal;
  }
  if (batch.events.size() > *max) {
    batch.next = batch.events[*max]->seq;
    batch.events.resize(*max);
  }
  return answer_json(feed_page_to_json(batch));
}

HttpAnswer FeedHttp::status(const HttpCall& call) {
  if (!call.reads()) return refuse_method(call, "GET, HEAD");
  const FeedStatus status = feed_.status();
  JsonWriter json;
  json.begin_object();
  json.text("schema", "muster.feed/1");
  if (!status.log_id.empty()) json.text("log", status.log_id);
  if (status.head > 0) json.number("head", status.head);
  if (!status.away.empty()) json.text("away", status.away);
  json.number("subscribers", uint64_t{status.subscribers});
  json.number("subscribers_max", uint64_t{status.subscribers_max});
  json.number("subscribed", status.subscribed);
  json.number("dropped", status.dropped);
  json.end_object();
  return answer_json(json.take());
}

}  // namespace muster
