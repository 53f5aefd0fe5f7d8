// A document of each task that has ended, to a deciBel by HTTP (docs/decibel.md).
//
// Exactly once: a document's key is made of the log and the number of the event that ended the
// task, and goes with it as Idempotency-Key: a repeat is answered like the first time. What is
// gathered of tasks lies in the spool (collectors/decibel_spool.h) and is committed, with the
// position, once the documents of a delivery are taken: after a crash in between, the same events
// make the same documents again.
//
// A document that is refused for good is the event's that ended its task; the task's results stay
// in the spool, for that event to be tried again, or for the document of a later end, and go when
// its letter is dropped.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "collectors/decibel_report.h"
#include "collectors/decibel_spool.h"
#include "collectors/sink.h"
#include "collectors/stop.h"
#include "io/http.h"

namespace muster {

struct DecibelOptions {
  std::string url;  // where documents are posted; without a name and a password
  std::string token;
  std::string user;  // of basic authentication, where there is no token
  std::string password;
  std::string ca_file;  // empty: the system's certificates
  std::set<TaskKind> kinds = {TaskKind::job};
  DecibelDefaults defaults;
  std::string spool_file;
  Duration login_pause = std::chrono::minutes(5);  // after 401 and 403
};

class DecibelSink final : public Sink {
 public:
  // `stop` outlives it; once it is raised requests under way are given up.
  DecibelSink(DecibelOptions options, const Stop& stop);

  std::string_view name() const override { return "decibel"; }
  std::string place() const override { return options_.url; }
  BatchLimits limits() const override { return {1'024, 1 << 20, 200ms}; }
  Result<SinkPosition> open() override;
  Delivery deliver(std::span<const SequencedEvent> events, const SinkPosition& position) override;
  Delivery deliver_again(std::span<const SequencedEvent> events,
                         const std::string& log_id) override;
  Result<Done> pass_over(std::span<const SequencedEvent> events,
                         const std::string& log_id) override;
  Result<Done> drop(std::span<const SequencedEvent> events, const std::string& log_id) override;
  bool begins_anew_only() const override { return true; }
  Result<Done> rewind(const SinkPosition& to) override;

 private:
  // A document on its way.
  struct Parcel {
    uint64_t seq = 0;
    std::string guid;
    DecibelReport::Document document;
    HttpReply reply;
  };

  Delivery deliver_fresh(std::span<const SequencedEvent> events, const SinkPosition& position);
  Result<Done> note_refused(std::span<const SequencedEvent> events,
                            const std::vector<Refusal>& refusals);
  Delivery add(Parcel parcel, std::vector<Parcel>& parcels, std::vector<Refusal>& refusals);
  Delivery post(std::vector<Parcel>& parcels, std::vector<Refusal>& refusals);
  void ask_all(std::vector<Parcel>& parcels);
  Delivery judge(const Parcel& parcel, std::vector<Refusal>& refusals);
  Delivery fail(std::string reason);
  std::string where() const { return "deciBel at " + options_.url; }

  DecibelOptions options_;
  const Stop& stop_;
  HttpClient client_;
  std::unique_ptr<DecibelSpool> spool_;  // null: closed, or failed
  std::unique_ptr<DecibelReport> report_;
  SinkPosition position_;
  // Keys of documents that were taken since the last commit: they are not sent again when one
  // beside them failed.
  std::set<std::string> taken_;
};

}  // namespace muster
