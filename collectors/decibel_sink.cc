#include "collectors/decibel_sink.h"

#include <algorithm>
#include <utility>

#include "collectors/decibel_answer.h"
#include "io/clock.h"
#include "io/file.h"

namespace muster {
namespace {

// Documents that are in memory and on their way at once.
constexpr size_t kParcelsMax = 16;
constexpr size_t kParcelBytesMax = 4 << 20;
// A server may take its time to store a large one.
constexpr Duration kSilenceMax = 90s;
// What it says is a line or a page; a document has an answer of its own. The rest is not read.
constexpr size_t kReplyBytesMax = 64 << 10;

}  // namespace

DecibelSink::DecibelSink(DecibelOptions options, const Stop& stop)
    : options_(std::move(options)), stop_(stop) {}

Result<SinkPosition> DecibelSink::open() {
  report_.reset();
  spool_.reset();
  const std::string& file = options_.spool_file;
  if (Result<Done> made = make_dirs(file.substr(0, file.rfind('/'))); !made.ok()) {
    return Error{made.error()};
  }
  Result<std::unique_ptr<DecibelSpool>> spool = DecibelSpool::open(file, options_.url);
  if (!spool.ok()) return Error{spool.error()};
  Result<SinkPosition> position = (*spool)->read_position();
  if (!position.ok()) return position;
  spool_ = std::move(*spool);
  report_ = std::make_unique<DecibelReport>(*spool_, options_.defaults, options_.kinds);
  position_ = *position;
  return position;
}

Delivery DecibelSink::deliver(std::span<const SequencedEvent> events,
                              const SinkPosition& position) {
  if (!spool_) return Delivery::away(options_.spool_file + ": decibel is not open");
  Delivery delivery = deliver_fresh(undelivered(events, position_.cursor), position);
  if (delivery.ok()) {
    position_ = position;
    taken_.clear();
  } else if (delivery.fault == DeliveryFault::refused) {
    spool_->roll_back();
  } else {
    report_.reset();
    spool_.reset();
  }
  return delivery;
}

Delivery DecibelSink::deliver_fresh(std::span<const SequencedEvent> events,
                                    const SinkPosition& position) {
  if (Result<Done> begun = spool_->begin(); !begun.ok()) return fail(begun.error());
  std::vector<Refusal> refusals;
  std::vector<Parcel> parcels;
  for (const SequencedEvent& at : events) {
    Result<std::optional<DecibelReport::Document>> document = report_->take(at, position.log_id);
    if (!document.ok()) return fail(document.error());
    if (!*document || taken_.contains((*document)->key)) continue;
    Parcel parcel{at.seq, std::string(event_guid(at.event)), std::move(**document), {}};
    if (Delivery added = add(std::move(parcel), parcels, refusals); !added.ok()) return added;
    if (!refusals.empty()) break;  // the rest comes again
  }
  if (Delivery posted = post(parcels, refusals); !posted.ok()) return posted;
  if (!refusals.empty()) {
    if (Result<Done> noted = note_refused(events, refusals); !noted.ok()) {
      return fail(noted.error());
    }
    std::string reason = where() + ": " + refusals.front().answer;
    return Delivery::refused(std::move(reason), std::move(refusals));
  }
  if (Result<Done> committed = spool_->commit(position); !committed.ok()) {
    return fail(committed.error());
  }
  return {};
}

// The events that were refused do not come again, and what they say of an attempt is not lost: of
// this delivery, that alone is kept.
Result<Done> DecibelSink::note_refused(std::span<const SequencedEvent> events,
                                       const std::vector<Refusal>& refusals) {
  spool_->roll_back();
  Result<Done> done = spool_->begin();
  for (const Refusal& refusal : refusals) {
    const auto at = std::find_if(events.begin(), events.end(),
                                 [&](const SequencedEvent& one) { return one.seq == refusal.seq; });
    if (done.ok() && at != events.end()) done = report_->note_refused(*at);
  }
  return done.ok() ? spool_->commit(position_) : done;
}

Delivery DecibelSink::deliver_again(std::span<const SequencedEvent> events,
                                    const std::string& log_id) {
  if (!spool_) return Delivery::away(options_.spool_file + ": decibel is not open");
  if (Result<Done> begun = spool_->begin(); !begun.ok()) return fail(begun.error());
  std::vector<Refusal> refusals;
  std::vector<Parcel> parcels;
  Delivery delivery;
  for (const SequencedEvent& at : events) {
    Result<std::optional<DecibelReport::Document>> document = report_->take_again(at, log_id);
    if (!document.ok()) return fail(document.error());
    if (!*document) {
      refusals.push_back({at.seq, "event " + std::to_string(at.seq) +
                                      " ends no task whose results still wait: they went, or will "
                                      "go, with another document of its task; drop the letter"});
    } else if (!taken_.contains((*document)->key)) {
      Parcel parcel{at.seq, std::string(event_guid(at.event)), std::move(**document), {}};
      delivery = add(std::move(parcel), parcels, refusals);
      if (!delivery.ok()) break;
    }
  }
  if (delivery.ok()) delivery = post(parcels, refusals);
  if (delivery.ok() && !refusals.empty()) delivery = refuse_named(std::move(refusals));
  if (!delivery.ok()) {
    spool_->roll_back();
    return delivery;
  }
  const Result<Done> committed = spool_->commit(position_);
  return committed.ok() ? Delivery() : fail(committed.error());
}

// After a rewind the spool knows nothing of them.
Result<Done> DecibelSink::pass_over(std::span<const SequencedEvent> events,
                                    const std::string& log_id) {
  if (!position_.log_id.empty() && position_.log_id != log_id) return Done{};
  Result<Done> done = spool_->begin();
  for (const SequencedEvent& at : events) {
    if (done.ok()) done = report_->note_refused(at);
  }
  if (done.ok()) done = spool_->commit(position_);
  spool_->roll_back();
  return done;
}

Result<Done> DecibelSink::drop(std::span<const SequencedEvent> events, const std::string& log_id) {
  const bool was_open = spool_ != nullptr;
  if (!was_open) {
    if (const Result<SinkPosition> opened = open(); !opened.ok()) return Error{opened.error()};
  }
  Result<Done> done = Done{};
  if (position_.log_id == log_id) {
    done = spool_->begin();
    for (const SequencedEvent& at : events) {
      if (done.ok()) done = report_->drop(at);
    }
    if (done.ok()) done = spool_->commit(position_);
    spool_->roll_back();
  }
  if (!was_open) {
    report_.reset();
    spool_.reset();
  }
  return done;
}

Result<Done> DecibelSink::rewind(const SinkPosition& to) {
  if (to.cursor != 0) return only_from_the_beginning(*this);
  const Result<SinkPosition> held = open();
  if (!held.ok()) return Error{held.error()};
  Result<Done> done = check_history(*this, *held, to);
  if (done.ok()) {
    done = spool_->forget();
    taken_.clear();
  }
  report_.reset();
  spool_.reset();
  return done;
}

// What goes out together may come in any order: never two documents of one task.
Delivery DecibelSink::add(Parcel parcel, std::vector<Parcel>& parcels,
                          std::vector<Refusal>& refusals) {
  size_t bytes = parcel.document.xml.size();
  bool is_known = false;
  for (const Parcel& other : parcels) {
    bytes += other.document.xml.size();
    is_known = is_known || other.guid == parcel.guid;
  }
  if (is_known) {
    Delivery posted = post(parcels, refusals);
    // Where the earlier one was refused this one lacks what that had; it is made again.
    if (!posted.ok() || !refusals.empty()) return posted;
    bytes = parcel.document.xml.size();
  }
  parcels.push_back(std::move(parcel));
  const bool has_room = parcels.size() < kParcelsMax && bytes < kParcelBytesMax;
  return has_room ? Delivery() : post(parcels, refusals);
}

// Sends all of `parcels`, which are none afterwards. Those that are refused are added to
// `refusals`.
Delivery DecibelSink::post(std::vector<Parcel>& parcels, std::vector<Refusal>& refusals) {
  ask_all(parcels);
  Delivery worst;
  for (const Parcel& parcel : parcels) {
    Delivery delivery = judge(parcel, refusals);
    if (delivery.ok() || !worst.ok()) continue;
    worst = std::move(delivery);
  }
  parcels.clear();
  return worst;
}

void DecibelSink::ask_all(std::vector<Parcel>& parcels) {
  size_t answered = 0;
  std::vector<HttpClient::Id> ids;
  for (Parcel& parcel : parcels) {
    HttpRequest request;
    request.method = "POST";
    request.url = options_.url;
    request.token = options_.token;
    request.user = options_.user;
    request.password = options_.password;
    request.ca_file = options_.ca_file;
    request.content_type = "application/xml";
    request.idempotency_key = parcel.document.key;
    request.body = std::move(parcel.document.xml);
    request.silence_max = kSilenceMax;
    request.reply_max = kReplyBytesMax;
    parcel.reply.fault = "stopped before it answered";
    ids.push_back(client_.start(std::move(request), [&](HttpReply reply) {
      parcel.reply = std::move(reply);
      ++answered;
    }));
  }
  while (answered < parcels.size() && !stop_.raised()) client_.run(1s, {stop_.fd()});
  for (const HttpClient::Id id : ids) client_.cancel(id);  // those that are not answered
}

Delivery DecibelSink::judge(const Parcel& parcel, std::vector<Refusal>& refusals) {
  const DecibelAnswer answer = read_decibel_answer(parcel.reply, SystemClock().now());
  switch (answer.act) {
    case DecibelAct::taken:
      taken_.insert(parcel.document.key);
      return {};
    case DecibelAct::refused:
      refusals.push_back({parcel.seq, answer.reason});
      return {};
    case DecibelAct::locked_out:
      return Delivery::away_until_order(
          where() + " does not let us write: " + answer.reason +
              "; look at token_file, or user and password_file, of decibel in muster.yaml",
          options_.login_pause);
    case DecibelAct::misplaced:
      return Delivery::away(where() + ": nothing takes documents there (" + answer.reason +
                            "): see url of decibel in muster.yaml");
    case DecibelAct::away:
      break;
  }
  return Delivery::away(where() + ": " + answer.reason, answer.retry_after);
}

Delivery DecibelSink::fail(std::string reason) {
  spool_->roll_back();
  return Delivery::away(std::move(reason));
}

}  // namespace muster
