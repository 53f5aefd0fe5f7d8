#include "collectors/couchdb_sink.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "collectors/couchdb_document.h"
#include "io/archive_name.h"
#include "io/clock.h"
#include "io/gzip.h"
#include "io/json_writer.h"

namespace muster {
namespace {

using Json = nlohmann::json;

// What a server takes at the best rate. Encoded events are a third of their documents, or less.
constexpr BatchLimits kLimits = {1'000, 512 << 10, 200ms};
constexpr size_t kBatchBytesMin = 8 << 10;
// A server that builds a view while it stores may take its time.
constexpr Duration kSilenceMax = 90s;
// Answers after which the same is tried once more at once: the database was made, or the body is
// not compressed any more.
constexpr int kTriesAtOnce = 3;

// True when `stored` is the document of the same event as `ours`: consumers may add to it.
bool is_same_event(const Json& stored, const Json& ours) {
  for (const char* key : {"log", "seq", "guid", "time_stamp", "type"}) {
    const auto theirs = stored.find(key);
    if (theirs == stored.end() || *theirs != ours[key]) return false;
  }
  return true;
}

std::string keys_body(const std::vector<std::string>& ids, const std::vector<size_t>& chosen) {
  JsonWriter json;
  json.begin_object();
  json.begin_array("keys");
  for (const size_t i : chosen) json.text("", ids[i]);
  json.end_array();
  json.end_object();
  return json.take();
}

}  // namespace

CouchDbSink::CouchDbSink(CouchDbOptions options, const Stop& stop)
    : options_(std::move(options)),
      stop_(stop),
      cursor_file_(options_.cursor_file, options_.url + "/" + options_.db),
      limits_(kLimits) {}

Result<SinkPosition> CouchDbSink::open() {
  is_open_ = false;
  Result<SinkPosition> position = cursor_file_.read();
  if (!position.ok()) return position;
  cursor_ = position->cursor;
  is_open_ = true;
  return position;
}

Delivery CouchDbSink::deliver(std::span<const SequencedEvent> events,
                              const SinkPosition& position) {
  if (!is_open_) return Delivery::away(cursor_file_.file() + ": couchdb is not open");
  Delivery delivery = store(undelivered(events, cursor_), position.log_id);
  if (delivery.ok()) delivery = Delivery::of(cursor_file_.write(position));
  if (delivery.ok()) cursor_ = position.cursor;
  if (delivery.fault == DeliveryFault::away) is_open_ = false;
  return delivery;
}

Delivery CouchDbSink::deliver_again(const SequencedEvent& event, const std::string& log_id) {
  return store({&event, 1}, log_id);
}

Result<Done> CouchDbSink::rewind(uint64_t cursor) {
  is_open_ = false;
  const Result<SinkPosition> position = cursor_file_.read();
  if (!position.ok()) return Error{position.error()};
  if (position->log_id.empty()) return Done{};
  return cursor_file_.write({position->log_id, cursor});
}

CouchDbSink::Bulk CouchDbSink::make_bulk(std::span<const SequencedEvent> events,
                                         const std::string& log_id) {
  Bulk bulk;
  for (const SequencedEvent& at : events) {
    if (event_guid(at.event).empty()) continue;
    bulk.body += bulk.events.empty() ? "{\"docs\":[\n" : ",\n";
    bulk.body += couchdb_document(log_id, at);
    bulk.events.push_back(&at);
    bulk.ids.push_back(couchdb_id(log_id, at.seq));
  }
  bulk.body += "\n]}";
  return bulk;
}

Delivery CouchDbSink::store(std::span<const SequencedEvent> events, const std::string& log_id) {
  const Bulk bulk = make_bulk(events, log_id);
  if (bulk.events.empty()) return {};
  for (int tries = 1;; ++tries) {
    const CouchAnswer answer = post(bulk);
    const bool last = tries == kTriesAtOnce;
    if (answer.act == CouchAct::wrong_encoding && gzip_ && !last) {
      gzip_ = false;
    } else if (answer.act == CouchAct::no_database && options_.create && !last) {
      if (Delivery made = make_database(); !made.ok()) return made;
    } else {
      Delivery delivery = judge(bulk, answer);
      if (delivery.ok()) make_index();
      return delivery;
    }
  }
}

CouchAnswer CouchDbSink::post(const Bulk& bulk) {
  const HttpReply reply = ask("POST", "/_bulk_docs", bulk.body, gzip_);
  return read_bulk_answer(reply, bulk.ids, SystemClock().now());
}

Delivery CouchDbSink::judge(const Bulk& bulk, const CouchAnswer& answer) {
  std::vector<Refusal> refusals;
  for (const auto& [i, why] : answer.refused) refusals.push_back({bulk.events[i]->seq, why});
  switch (answer.act) {
    case CouchAct::taken:
      return judge_items(bulk, answer);
    case CouchAct::refused:
      return Delivery::refused(answer.reason);
    case CouchAct::too_large:
      if (refusals.empty()) {
        limits_.bytes_max = std::max(kBatchBytesMin, limits_.bytes_max / 2);
      }
      return Delivery::refused(answer.reason, std::move(refusals));
    case CouchAct::locked_out:
      return Delivery::away(where() + " does not let " +
                                (options_.user.empty() ? "us" : options_.user) +
                                " write: " + answer.reason +
                                "; look at user and password_file in muster.yaml, and at the "
                                "members of the database",
                            options_.login_pause);
    case CouchAct::no_database:
      return Delivery::away(where() + ": there is no such database (" + answer.reason +
                            "): make it, or see db in muster.yaml");
    case CouchAct::wrong_encoding:
    case CouchAct::away:
      break;
  }
  return Delivery::away(where() + ": " + answer.reason, answer.retry_after);
}

Delivery CouchDbSink::judge_items(const Bulk& bulk, const CouchAnswer& answer) {
  std::vector<Refusal> refusals;
  for (const auto& [i, why] : answer.refused) refusals.push_back({bulk.events[i]->seq, why});
  if (!answer.conflicts.empty()) {
    Delivery settled = settle_conflicts(bulk, answer.conflicts, refusals);
    if (!settled.ok()) return settled;
  }
  if (!refusals.empty()) {
    std::string reason = refusals.front().answer;
    return Delivery::refused(std::move(reason), std::move(refusals));
  }
  if (!answer.again.empty()) {
    return Delivery::away(where() + " did not take " + std::to_string(answer.again.size()) +
                          " of " + std::to_string(bulk.ids.size()) +
                          " documents: " + answer.reason);
  }
  return {};
}

// Documents that are there already are ours, from a delivery whose answer was lost; or else
// somebody else's.
Delivery CouchDbSink::settle_conflicts(const Bulk& bulk, const std::vector<size_t>& conflicts,
                                       std::vector<Refusal>& refusals) {
  const HttpReply reply =
      ask("POST", "/_all_docs?include_docs=true", keys_body(bulk.ids, conflicts));
  const Json answer = Json::parse(reply.body, nullptr, false);
  const bool whole = reply.ok() && answer.is_object() && answer.contains("rows") &&
                     answer["rows"].is_array() && answer["rows"].size() == conflicts.size();
  if (!whole) {
    return Delivery::away(
        where() + " does not show what documents it has: " + describe_couch_answer(reply),
        read_retry_after(reply.header("retry-after"), SystemClock().now()));
  }
  const Json ours = Json::parse(bulk.body, nullptr, false)["docs"];
  for (size_t k = 0; k < conflicts.size(); ++k) {
    const size_t i = conflicts[k];
    const Json& row = answer["rows"][k];
    const Json stored = row.is_object() ? row.value("doc", Json()) : Json();
    // Deleted by a consumer since: then it was delivered.
    if (!stored.is_object() || is_same_event(stored, ours[i])) continue;
    refusals.push_back({bulk.events[i]->seq, "conflict: " + bulk.ids[i] +
                                                 " is another event's document: was the broker's "
                                                 "log put back from an older copy?"});
  }
  return {};
}

Delivery CouchDbSink::make_database() {
  const HttpReply reply = ask("PUT", "", "");
  if (reply.ok()) {
    spdlog::info("couchdb: made the database {}", place());
    make_index();  // of nothing yet, it costs nothing
  }
  if (reply.ok() || reply.status == 412) return {};
  return Delivery::away(where() + ": there is no such database, and it cannot be made: " +
                            describe_couch_answer(reply) +
                            "; make it, and let the user of muster.yaml write to it",
                        read_retry_after(reply.header("retry-after"), SystemClock().now()));
}

// For those who ask by GUID. Where we may not, an administrator can (docs/sinks.md).
void CouchDbSink::make_index() {
  if (has_index_ || !options_.create) return;
  has_index_ = true;
  const HttpReply reply = ask("POST", "/_index",
                              R"({"index":{"fields":["guid","time_stamp"]},)"
                              R"("ddoc":"muster","name":"by-guid","type":"json"})");
  if (!reply.ok()) {
    spdlog::warn("couchdb: {} has no index by GUID, and it cannot be made: {}", place(),
                 describe_couch_answer(reply));
  }
}

HttpReply CouchDbSink::ask(const char* method, const std::string& path, std::string body,
                           bool compressed) {
  HttpRequest request;
  request.method = method;
  request.url = options_.url + "/" + url_encode(options_.db) + path;
  request.user = options_.user;
  request.password = options_.password;
  request.ca_file = options_.ca_file;
  request.content_type = "application/json";
  request.is_gzip = compressed;
  request.body = compressed ? gzip(body) : std::move(body);
  request.silence_max = kSilenceMax;
  std::optional<HttpReply> answer;
  const HttpClient::Id id =
      client_.start(std::move(request), [&](HttpReply reply) { answer = std::move(reply); });
  while (!answer && !stop_.raised()) client_.run(1s, {stop_.fd()});
  if (!answer) {
    client_.cancel(id);
    answer.emplace();
    answer->fault = "stopped before it answered";
  }
  return std::move(*answer);
}

}  // namespace muster
