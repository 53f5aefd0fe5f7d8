// The feed over HTTP (docs/feed.md):
//
//   GET /api/v1/events?from=SEQ&log=ID&type=TYPE&guid=GUID&format=sse|ndjson|json&follow=0|1&max=N
//   GET /api/v1/feed                      how the feed is doing, as JSON (muster.feed/1)
//
// The form is `format`, or what Accept asks for: text/event-stream, application/x-ndjson, else one
// page of JSON (muster.events/1). The first two begin with event `from`, or where Last-Event-ID
// ends, or without either with the next that happens, and go on for ever; with follow=0, to what is
// the end of the log at their beginning. A page has at most `max` events of one piece of the log
// and says in `next` where the next page begins.
//
// While nothing happens a stream says every kFeedBeat that it lives: a comment, or an empty line.
// One that the feed ends says why: the event "end", or a last line, of the schema
// muster.feed_end/1. What was trimmed from the log ends it, and a page is refused with 410: `tail`
// is where the log begins.
//
// `log` says of which log `from` is a number; an event's id, SEQ@ID, says both. Of another log a
// page is refused with 409, and a stream ends at once.
#pragma once

#include <string_view>

#include "collectors/feed.h"
#include "collectors/http_server.h"

namespace muster {

inline constexpr std::string_view kEventsPath = "/api/v1/events";
inline constexpr std::string_view kFeedPath = "/api/v1/feed";

// How often a stream without events says that it lives: often enough for proxies, and that a client
// that has gone is noticed.
inline constexpr Duration kFeedBeat = std::chrono::seconds(5);
// How long a stream that is to end waits for a broker that is away.
inline constexpr Duration kFeedEndPatience = std::chrono::seconds(10);
// Events of one page.
inline constexpr uint64_t kEventsPageMax = 1'000;

class FeedHttp {
 public:
  // The feed outlives it, and every answer that it gave. What subscribers hear of is said every
  // `beat`.
  explicit FeedHttp(Feed& feed, Duration beat = kFeedBeat, Duration end_patience = kFeedEndPatience)
      : feed_(feed), beat_(beat), end_patience_(end_patience) {}

  // In any thread.
  HttpAnswer events(const HttpCall& call);
  HttpAnswer status(const HttpCall& call);

 private:
  HttpAnswer page(const HttpCall& call, const FeedPosition& from, const FeedFilter& filter);

  Feed& feed_;
  Duration beat_;
  Duration end_patience_;
};

}  // namespace muster
