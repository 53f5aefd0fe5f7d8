#include "collectors/couchdb_sink.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include "collectors/couchdb_checkpoint.h"
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
// Shards of a database are copied one after the other: so many show the loss of any of them.
constexpr size_t kNewestMax = 64;
// A server that builds a view while it stores may take its time.
constexpr Duration kSilenceMax = 90s;
// CouchDB's answers are short, but for those to many documents.
constexpr size_t kReplyBytesMax = 64 << 10;
constexpr char kBulkPath[] = "/_bulk_docs";
constexpr char kGone[] = "the database that had the events is gone";
// So many deliveries that went well until more is sent again.
constexpr int kTakenBeforeMore = 50;
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

bool is_denied(const HttpReply& reply) {
  return reply.fault.empty() && (reply.status == 401 || reply.status == 403);
}

// The same again, when the answer wishes it.
Delivery away_for(std::string why, const HttpReply& reply) {
  return Delivery::away(std::move(why),
                        read_retry_after(reply.header("retry-after"), SystemClock().now()));
}

std::string keys_body(const std::vector<std::string>& ids, std::span<const size_t> chosen) {
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
      checkpoint_file_(options_.cursor_file + ".noted", options_.url + "/" + options_.db),
      limits_(kLimits) {}

Result<SinkPosition> CouchDbSink::open() {
  is_open_ = false;
  Result<CursorNote> note = cursor_file_.read();
  if (!note.ok()) return Error{note.error()};
  Result<CursorNote> checkpoint = checkpoint_file_.read();
  if (!checkpoint.ok()) return Error{checkpoint.error()};
  position_ = std::move(note->position);
  newest_ = std::move(note->newest);
  checkpoint_ = std::move(checkpoint->position);
  is_unnoted_ = !newest_.empty() &&
                (checkpoint_.log_id != position_.log_id || checkpoint_.cursor < newest_.back());
  compared_us_.reset();
  is_found_ = false;
  is_open_ = true;
  return position_;
}

Delivery CouchDbSink::deliver(std::span<const SequencedEvent> events,
                              const SinkPosition& position) {
  if (!is_open_) return Delivery::away(cursor_file_.file() + ": couchdb is not open");
  const bool is_due = is_checkpoint_due(events);
  Delivery delivery = is_due ? compare_checkpoint(position.log_id) : Delivery();
  const std::span<const SequencedEvent> news = undelivered(events, position_.cursor);
  if (delivery.ok()) delivery = store(news, position.log_id);
  if (delivery.ok()) {
    note_newest(news);
    delivery = Delivery::of(cursor_file_.write(position, newest_));
  }
  if (delivery.ok()) position_ = position;
  if (delivery.ok() && is_due) delivery = write_checkpoint(position);
  if (delivery.fault == DeliveryFault::away) is_open_ = false;
  return delivery;
}

void CouchDbSink::note_newest(std::span<const SequencedEvent> stored) {
  for (const SequencedEvent& at : stored) {
    if (event_guid(at.event).empty()) continue;
    newest_.push_back(at.seq);
    is_unnoted_ = true;
  }
  if (newest_.size() <= kNewestMax) return;
  newest_.erase(newest_.begin(), newest_.end() - static_cast<ptrdiff_t>(kNewestMax));
}

// Whoever looks at the sink sees at once whether its place would take a document, and not when the
// first comes.
bool CouchDbSink::wants_rest() const {
  if (!is_open_) return false;
  if (!is_found_) return true;
  const bool is_note_due = is_unnoted_ && (!note_failed_us_ || is_over(*note_failed_us_));
  return is_note_due || (!compared_us_ && !newest_.empty());
}

bool CouchDbSink::is_over(int64_t since_us) const {
  return boot_us() - since_us >= options_.checkpoint_interval.count();
}

// Of a database that was never given a document nothing was noted.
Delivery CouchDbSink::rest() {
  Delivery delivery = newest_.empty() ? find_database() : compare_checkpoint(position_.log_id);
  is_found_ = delivery.ok();
  if (delivery.ok() && is_unnoted_) delivery = write_checkpoint(position_);
  if (!delivery.ok()) is_open_ = false;
  return delivery;
}

Delivery CouchDbSink::deliver_again(std::span<const SequencedEvent> events,
                                    const std::string& log_id) {
  return store(events, log_id);
}

Result<Done> CouchDbSink::rewind(const SinkPosition& to) {
  is_open_ = false;
  Result<CursorNote> note = cursor_file_.read();
  if (!note.ok()) return Error{note.error()};
  const SinkPosition& position = note->position;
  if (to.cursor > position.cursor) {
    return Error{"couchdb has not come to event " + std::to_string(to.cursor + 1) +
                 " yet: it is at " + std::to_string(position.cursor)};
  }
  if (Result<Done> done = check_history(*this, position, to); !done.ok()) return done;
  too_large_through_ = 0;
  if (position.log_id.empty()) return Done{};
  std::erase_if(note->newest, [&](uint64_t seq) { return seq > to.cursor; });
  return cursor_file_.write({position.log_id, to.cursor}, note->newest);
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
  if (bulk.events.empty()) return find_database();
  for (int tries = 1;; ++tries) {
    const CouchAnswer answer = post(bulk);
    const bool last = tries == kTriesAtOnce;
    if (answer.act == CouchAct::no_database && position_.cursor > 0) {
      return go_back({}, 0, std::string(kGone) + " (" + answer.reason + ")");
    }
    if (answer.act == CouchAct::wrong_encoding && gzip_ && !last) {
      gzip_ = false;
    } else if (answer.act == CouchAct::no_database && options_.create && !last) {
      if (Delivery made = make_database(); !made.ok()) return made;
    } else {
      Delivery delivery = judge(bulk, answer);
      if (!delivery.ok()) return delivery;
      is_found_ = true;
      send_more();
      make_index();
      return delivery;
    }
  }
}

// An answer that is too long says less of fewer documents; of one alone it says nothing against it.
CouchAnswer CouchDbSink::post(const Bulk& bulk) {
  HttpRequest request = request_of("POST", kBulkPath);
  request.is_gzip = gzip_;
  request.body = gzip_ ? gzip(bulk.body) : bulk.body;
  bool is_too_long = false;
  const HttpReply reply = send_bounded(std::move(request), options_.bulk_reply_max, is_too_long);
  CouchAnswer answer = read_bulk_answer(reply, bulk.ids, SystemClock().now());
  if (!is_too_long) return answer;
  if (bulk.ids.size() > 1) answer.act = CouchAct::too_large;
  answer.reason = "its answer to the documents is longer than " +
                  std::to_string(options_.bulk_reply_max) + " bytes, and was not read further";
  return answer;
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
      if (refusals.empty()) send_less(bulk);
      return Delivery::refused(answer.reason, std::move(refusals));
    case CouchAct::locked_out:
      return locked_out(answer.reason);
    case CouchAct::no_database:
      return no_database(answer.reason);
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
  count_failures(bulk, answer, refusals);
  if (!refusals.empty()) {
    std::string reason = refusals.front().answer;
    return Delivery::refused(std::move(reason), std::move(refusals));
  }
  if (!answer.again.empty()) {
    return Delivery::away(where() + " did not take " + std::to_string(answer.again.size()) +
                          " of " + std::to_string(bulk.ids.size()) + " documents, of event " +
                          std::to_string(bulk.events[answer.again.front()]->seq) +
                          " first: " + answer.reason);
  }
  return {};
}

// One document that CouchDB fails on must not hold up all that come after it: when it has done so
// often enough, while others beside it were stored, it is refused. As long as nothing is stored it
// is CouchDB that fails.
void CouchDbSink::count_failures(const Bulk& bulk, const CouchAnswer& answer,
                                 std::vector<Refusal>& refusals) {
  const size_t not_stored = answer.again.size() + answer.refused.size();
  const bool counts = refusals.empty() && not_stored < bulk.ids.size();
  std::map<uint64_t, int> failed;
  for (const auto& [i, why] : answer.failed) {
    const uint64_t seq = bulk.events[i]->seq;
    const auto before = failed_items_.find(seq);
    const int tries = (before == failed_items_.end() ? 0 : before->second) + (counts ? 1 : 0);
    failed[seq] = tries;
    if (tries < options_.item_tries_max) continue;
    refusals.push_back({seq, why + " (" + std::to_string(tries) + " times)"});
  }
  failed_items_ = std::move(failed);
}

// Documents that are there already are ours, from a delivery whose answer was lost; or else
// somebody else's. They may have grown since: what is too long for one answer is asked for in
// parts.
Delivery CouchDbSink::settle_conflicts(const Bulk& bulk, std::span<const size_t> conflicts,
                                       std::vector<Refusal>& refusals) {
  bool is_too_long = false;
  const HttpReply reply = ask_documents(keys_body(bulk.ids, conflicts), is_too_long);
  if (is_too_long && conflicts.size() > 1) {
    const size_t half = conflicts.size() / 2;
    Delivery settled = settle_conflicts(bulk, conflicts.first(half), refusals);
    if (!settled.ok()) return settled;
    return settle_conflicts(bulk, conflicts.subspan(half), refusals);
  }
  const std::string what = "conflict: " + bulk.ids[conflicts.front()];
  if (is_too_long) {
    refusals.push_back({bulk.events[conflicts.front()]->seq,
                        what + " is there, too long to be looked at: is it this event's?"});
    return {};
  }
  const Json answer = Json::parse(reply.body, nullptr, false);
  if (!reply.ok() || !answer.is_object() || !answer.contains("rows") ||
      !answer["rows"].is_array()) {
    return away_for(
        where() + " does not show what documents it has: " + describe_couch_answer(reply), reply);
  }
  std::map<std::string, const Json*> rows;
  for (const Json& row : answer["rows"]) {
    if (row.is_object() && row.contains("key") && row["key"].is_string()) {
      rows.emplace(row["key"].get<std::string>(), &row);
    }
  }
  const Json ours = Json::parse(bulk.body, nullptr, false)["docs"];
  for (const size_t i : conflicts) {
    const auto row = rows.find(bulk.ids[i]);
    const Stored stored = row == rows.end() ? Stored::unknown : stored_as(*row->second, ours[i]);
    if (stored == Stored::unknown) {
      return Delivery::away(where() + " has a document " + bulk.ids[i] +
                            " already, but does not show it");
    }
    if (stored == Stored::ours) continue;
    refusals.push_back({bulk.events[i]->seq, "conflict: " + bulk.ids[i] +
                                                 " is another event's document: was the broker's "
                                                 "log put back from an older copy?"});
  }
  return {};
}

// One that a consumer has deleted since was delivered. One that is said not to be there was not.
CouchDbSink::Stored CouchDbSink::stored_as(const Json& row, const Json& ours) {
  const Json value = row.value("value", Json());
  if (value.is_object() && value.value("deleted", Json()) == true) return Stored::ours;
  const Json stored = row.value("doc", Json());
  if (!stored.is_object()) return Stored::unknown;
  return is_same_event(stored, ours) ? Stored::ours : Stored::anothers;
}

// The parts of a batch that was too large, and a document that is so by itself, say nothing new.
void CouchDbSink::send_less(const Bulk& bulk) {
  if (bulk.events.size() < 2 || bulk.events.front()->seq <= too_large_through_) return;
  too_large_through_ = bulk.events.back()->seq;
  limits_.bytes_max = std::max(kBatchBytesMin, limits_.bytes_max / 2);
  taken_in_a_row_ = 0;
}

void CouchDbSink::send_more() {
  if (limits_.bytes_max >= kLimits.bytes_max || ++taken_in_a_row_ < kTakenBeforeMore) return;
  limits_.bytes_max = std::min(kLimits.bytes_max, limits_.bytes_max * 2);
  taken_in_a_row_ = 0;
}

// Asks once after it was opened. Of events that are no documents the cursor may come before the
// first that is one: the database is there by then, and where it is missing later, it was.
Delivery CouchDbSink::find_database() {
  if (is_found_) return {};
  const HttpReply reply = ask("GET", "", "");
  const std::string what = describe_couch_answer(reply);
  if (is_denied(reply)) return locked_out(what);
  if (reply.fault.empty() && reply.status == 404) {
    if (!newest_.empty()) return go_back({}, 0, std::string(kGone) + " (" + what + ")");
    return options_.create ? make_database() : no_database(what);
  }
  if (!reply.ok()) {
    return away_for(where() + ": " + what, reply);
  }
  is_found_ = true;
  return {};
}

Delivery CouchDbSink::no_database(const std::string& answer) const {
  return Delivery::away(where() + ": there is no such database (" + answer +
                        "): make it, or see db in muster.yaml");
}

// --- the checkpoint -------------------------------------------------------------------------

// Only with documents, or when some are not noted yet: of a database that has none nobody knows
// whether it is there.
bool CouchDbSink::is_checkpoint_due(std::span<const SequencedEvent> events) const {
  const bool has_documents = std::any_of(
      events.begin(), events.end(), [](const auto& at) { return !event_guid(at.event).empty(); });
  return (has_documents || is_unnoted_) && (!compared_us_ || is_over(*compared_us_));
}

// What the database says of how far it was filled is no less than what was noted there last, or
// somebody has made it anew, or put it back.
Delivery CouchDbSink::compare_checkpoint(const std::string& log_id) {
  const HttpReply reply = ask("GET", couch_checkpoint_path(log_id), "");
  const std::optional<CouchCheckpoint> found = read_couch_checkpoint(reply, log_id);
  if (!found && is_denied(reply)) {
    return locked_out(describe_couch_answer(reply));
  }
  if (!found) {
    const std::string what = reply.fault.empty() ? " does not say how far it was filled: " : ": ";
    return away_for(where() + what + describe_couch_answer(reply), reply);
  }
  const bool is_same_log = checkpoint_.log_id == log_id;
  if (is_same_log && found->cursor < checkpoint_.cursor) {
    return go_back({log_id, found->cursor}, found->cursor,
                   found->cursor == 0
                       ? std::string(kGone) +
                             " (its note of how far it was filled is not there: it was made anew)"
                       : "the database has lost events that it had (it was put back to when it "
                         "had the events up to " +
                             std::to_string(found->cursor) + ")");
  }
  if (!compared_us_) {
    Delivery looked = look_for_newest(log_id, found->cursor);
    if (!looked.ok()) return looked;
  }
  noted_ = found->cursor;
  checkpoint_rev_ = found->rev;
  compared_us_ = boot_us();
  return {};
}

// A copy that was taken after its note was written, and before the next one, lacks documents
// without its note telling. One that a consumer has deleted is no loss.
Delivery CouchDbSink::look_for_newest(const std::string& log_id, uint64_t noted) {
  if (newest_.empty()) return {};
  std::vector<std::string> ids;
  for (const uint64_t seq : newest_) ids.push_back(couchdb_id(log_id, seq));
  std::vector<size_t> all(ids.size());
  std::iota(all.begin(), all.end(), size_t{0});
  const HttpReply reply = ask("POST", "/_all_docs", keys_body(ids, all));
  if (!reply.fault.empty() || reply.status == 429 || reply.status >= 500) {
    return away_for(
        where() + " does not show what documents it has: " + describe_couch_answer(reply), reply);
  }
  const std::vector<size_t> missing = missing_documents(reply, ids);
  if (missing.empty()) return {};
  const size_t first = missing.front();
  // Without a note it is not known what else is gone: where none of them is there, all may be.
  const bool is_noted = noted > 0 || missing.size() == ids.size();
  const uint64_t before = newest_[first] - 1;
  return go_back(
      {log_id, is_noted ? std::min(noted, before) : before}, noted,
      "the database has lost events that it had (the document " + ids[first] + " is not there)");
}

// The documents are there; what fails here is tried again at the next turn. Another collector of
// this log may have come further (then its note stays), or have written in the same moment.
Delivery CouchDbSink::write_checkpoint(const SinkPosition& position) {
  if (position.cursor > noted_) {
    const HttpReply reply = ask("PUT", couch_checkpoint_path(position.log_id),
                                couch_checkpoint_body(position.log_id, position.cursor,
                                                      checkpoint_rev_, SystemClock().now()));
    if (!reply.ok() && reply.status != 409) {
      const std::string problem = describe_couch_answer(reply);
      if (problem != checkpoint_problem_) {
        spdlog::warn(
            "couchdb: {} does not take the note of how far it was filled (_local/muster-...): {}; "
            "as long as that is so nobody notices when it is made anew or put back",
            place(), problem);
      }
      checkpoint_problem_ = problem;
    }
    if (!reply.ok()) {
      note_failed_us_ = boot_us();
      return {};
    }
    noted_ = position.cursor;
    checkpoint_problem_.clear();
  }
  if (Result<Done> done = checkpoint_file_.write({position.log_id, noted_}); !done.ok()) {
    return Delivery::of(done);
  }
  checkpoint_ = {position.log_id, noted_};
  is_unnoted_ = false;
  note_failed_us_.reset();
  return {};
}

// What the database had beyond `to` is gone. The cursor goes back before anybody fills another, and
// before what is known of the old one is forgotten. `noted` is what the database says itself.
Delivery CouchDbSink::go_back(const SinkPosition& to, uint64_t noted, const std::string& why) {
  const Result<CursorNote> note = cursor_file_.read();
  if (!note.ok()) return Delivery::away(note.error());
  const uint64_t cursor = std::min(to.cursor, note->position.cursor);
  Result<Done> done = rewind({note->position.log_id, cursor});
  if (done.ok()) done = checkpoint_file_.write({to.log_id, noted});
  if (!done.ok()) return Delivery::away(done.error());
  const std::string again =
      cursor == 0 ? "every event is delivered again"
                  : "the events after " + std::to_string(cursor) + " are delivered again";
  return Delivery::away(where() + ": " + why + ": " + again);
}

Delivery CouchDbSink::locked_out(const std::string& reason) const {
  return Delivery::away_until_order(
      where() + " does not let " + (options_.user.empty() ? "us" : options_.user) +
          " write: " + reason +
          "; look at user and password_file of couchdb in muster.yaml, and at "
          "the members of the database",
      options_.login_pause);
}

// --- the database ---------------------------------------------------------------------------

Delivery CouchDbSink::make_database() {
  const HttpReply reply = ask("PUT", "", "");
  if (reply.ok()) {
    spdlog::info("couchdb: made the database {}", place());
    has_index_ = false;
    make_index();  // of nothing yet, it costs nothing
  }
  is_found_ = reply.ok() || reply.status == 412;
  if (is_found_) return {};
  const std::string why = where() + ": there is no such database, and it cannot be made: " +
                          describe_couch_answer(reply) +
                          "; make it, and let the user of muster.yaml write to it";
  if (is_denied(reply)) return Delivery::away_until_order(why, options_.login_pause);
  return away_for(why, reply);
}

// For those who ask by GUID. Where we may not, an administrator can (docs/sinks.md); where it fails
// it is tried again after the next documents.
void CouchDbSink::make_index() {
  if (has_index_ || !options_.create) return;
  const HttpReply reply = ask("POST", "/_index",
                              R"({"index":{"fields":["guid","time_stamp"]},)"
                              R"("ddoc":"muster","name":"by-guid","type":"json"})");
  std::string problem = reply.ok() ? "" : describe_couch_answer(reply);
  const bool may_not =
      reply.status == 401 || reply.status == 403 || problem.starts_with("500 error_saving_ddoc");
  if (may_not && finds_index()) problem.clear();
  has_index_ = reply.ok() || may_not;
  if (!problem.empty() && problem != index_problem_) {
    spdlog::warn("couchdb: {} has no index by GUID, and it cannot be made: {}", place(), problem);
  }
  index_problem_ = problem;
}

// That an administrator has made.
bool CouchDbSink::finds_index() {
  const Json answer = Json::parse(ask("GET", "/_index", "").body, nullptr, false);
  if (!answer.is_object() || !answer.contains("indexes") || !answer["indexes"].is_array()) {
    return false;
  }
  const Json& indexes = answer["indexes"];
  return std::any_of(indexes.begin(), indexes.end(), [](const Json& index) {
    return index.is_object() && index.value("name", Json()) == "by-guid";
  });
}

HttpRequest CouchDbSink::request_of(const char* method, const std::string& path) const {
  HttpRequest request;
  request.method = method;
  request.url = options_.url + "/" + url_encode(options_.db) + path;
  request.user = options_.user;
  request.password = options_.password;
  request.ca_file = options_.ca_file;
  request.content_type = "application/json";
  request.silence_max = kSilenceMax;
  request.reply_max = kReplyBytesMax;
  return request;
}

HttpReply CouchDbSink::ask(const char* method, const std::string& path, std::string body) {
  HttpRequest request = request_of(method, path);
  request.body = std::move(body);
  return send(std::move(request));
}

// Documents by their keys.
HttpReply CouchDbSink::ask_documents(std::string body, bool& is_too_long) {
  HttpRequest request = request_of("POST", "/_all_docs?include_docs=true");
  request.body = std::move(body);
  return send_bounded(std::move(request), options_.shown_bytes_max, is_too_long);
}

// Of a good answer `bytes_max` at most.
HttpReply CouchDbSink::send_bounded(HttpRequest request, size_t bytes_max, bool& is_too_long) {
  std::string shown;
  is_too_long = false;
  request.take = [&](std::string_view bytes) {
    is_too_long = shown.size() + bytes.size() > bytes_max;
    if (!is_too_long) shown += bytes;
    return !is_too_long;
  };
  HttpReply reply = send(std::move(request));
  if (reply.ok()) reply.body = std::move(shown);
  return reply;
}

HttpReply CouchDbSink::send(HttpRequest request) {
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
