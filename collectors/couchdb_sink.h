// Events as documents of a CouchDB (collectors/couchdb_document.h), by _bulk_docs. Events without a
// GUID are not for it.
//
// Exactly once: a document's id is made of the event's log and number, so that a repeat is answered
// with `conflict`, which is success when the document there is that event's. Another's (a log that
// was put back and went on otherwise) makes it a refusal: nothing is lost in silence. The cursor is
// written after the documents (collectors/cursor_file.h).
//
// What each answer means is collectors/couchdb_answer.h's to say. The database is made when it is
// found to be missing, and its index then, or after the first documents, both where the user may.
//
// The database itself notes how far it was filled, in a local document (_local/muster-LOG, as
// replicators have them): read and compared before the first delivery after open() and then every
// `checkpoint_interval`, and written after that delivery, and when traffic rests. When it is behind
// what was written there last (the database was lost and made anew, or put back from a copy), what
// it lacks is delivered again, whoever made it; and so is everything when the database is missing
// that had documents. A copy that was taken between two notes is found out after open(): it lacks
// the newest documents (CursorNote), and has everything after its note again.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collectors/couchdb_answer.h"
#include "collectors/cursor_file.h"
#include "collectors/sink.h"
#include "collectors/stop.h"
#include "io/http.h"

namespace muster {

struct CouchDbOptions {
  std::string url;  // http://HOST:PORT
  std::string db;
  std::string user;  // empty: nobody in particular
  std::string password;
  std::string ca_file;  // empty: the system's certificates
  bool create = true;
  std::string cursor_file;  // beside it, with .noted: what was noted in the database last
  Duration checkpoint_interval = std::chrono::seconds(10);
  // After 401 and 403: CouchDB locks a user out for up to five minutes after five wrong passwords.
  Duration login_pause = std::chrono::minutes(5);
  // So often a document may fail by itself, while others of its batch are stored, until it is
  // refused: with the back-off of collectors/sink_runner.h, in a minute or two.
  int item_tries_max = 10;
  // Of an answer to documents: a row of each, with a reason at worst.
  size_t bulk_reply_max = 2'000 << 10;
  // Of an answer that shows documents; what is longer is asked for in parts.
  size_t shown_bytes_max = 8 << 20;
};

class CouchDbSink final : public Sink {
 public:
  // `stop` outlives it; once it is raised a request under way is given up.
  CouchDbSink(CouchDbOptions options, const Stop& stop);

  std::string_view name() const override { return "couchdb"; }
  std::string place() const override { return options_.url + "/" + options_.db; }
  BatchLimits limits() const override { return limits_; }
  Result<SinkPosition> open() override;
  Delivery deliver(std::span<const SequencedEvent> events, const SinkPosition& position) override;
  Delivery deliver_again(std::span<const SequencedEvent> events,
                         const std::string& log_id) override;
  bool wants_rest() const override;
  Delivery rest() override;
  Result<Done> rewind(const SinkPosition& to) override;

 private:
  // What is in the database under one of our ids.
  enum class Stored : uint8_t { ours, anothers, unknown };
  // Documents on their way.
  struct Bulk {
    std::vector<const SequencedEvent*> events;
    std::vector<std::string> ids;
    std::string body;
  };

  static Bulk make_bulk(std::span<const SequencedEvent> events, const std::string& log_id);
  Delivery store(std::span<const SequencedEvent> events, const std::string& log_id);
  CouchAnswer post(const Bulk& bulk);
  Delivery judge(const Bulk& bulk, const CouchAnswer& answer);
  Delivery judge_items(const Bulk& bulk, const CouchAnswer& answer);
  void count_failures(const Bulk& bulk, const CouchAnswer& answer, std::vector<Refusal>& refusals);
  Delivery settle_conflicts(const Bulk& bulk, std::span<const size_t> conflicts,
                            std::vector<Refusal>& refusals);
  static Stored stored_as(const nlohmann::json& row, const nlohmann::json& ours);
  void send_less(const Bulk& bulk);
  void send_more();
  Delivery find_database();
  bool is_over(int64_t since_us) const;
  bool is_checkpoint_due(std::span<const SequencedEvent> events) const;
  Delivery compare_checkpoint(const std::string& log_id);
  Delivery look_for_newest(const std::string& log_id, uint64_t noted);
  void note_newest(std::span<const SequencedEvent> stored);
  Delivery write_checkpoint(const SinkPosition& position);
  Delivery go_back(const SinkPosition& to, uint64_t noted, const std::string& why);
  Delivery locked_out(const std::string& reason) const;
  Delivery no_database(const std::string& answer) const;
  Delivery make_database();
  void make_index();
  bool finds_index();
  HttpReply ask(const char* method, const std::string& path, std::string body);
  HttpReply ask_documents(std::string body, bool& is_too_long);
  HttpReply send_bounded(HttpRequest request, size_t bytes_max, bool& is_too_long);
  HttpReply send(HttpRequest request);
  HttpRequest request_of(const char* method, const std::string& path) const;
  std::string where() const { return "CouchDB at " + place(); }

  CouchDbOptions options_;
  const Stop& stop_;
  HttpClient client_;
  CursorFile cursor_file_;
  CursorFile checkpoint_file_;
  SinkPosition checkpoint_;             // as the file has it
  std::optional<int64_t> compared_us_;  // by the boot clock; nothing: not since it was opened
  uint64_t noted_ = 0;                  // in the database, when it was compared
  std::string checkpoint_rev_;          // likewise; empty: there was none
  std::string checkpoint_problem_;      // the newest that was logged
  BatchLimits limits_;
  bool is_open_ = false;
  bool is_found_ = false;  // since it was opened: the database is there, and lets us in
  SinkPosition position_;
  std::vector<uint64_t> newest_;  // CursorNote::newest
  bool is_unnoted_ = false;       // documents were stored since the database was noted to have all
  std::optional<int64_t> note_failed_us_;  // by the boot clock: the newest of them was not taken
  bool gzip_ = true;
  bool has_index_ = false;                // or may not make one
  std::string index_problem_;             // the newest that was logged
  std::map<uint64_t, int> failed_items_;  // by the event's number, how often in a row
  uint64_t too_large_through_ = 0;        // up to this event it is known that less must be sent
  int taken_in_a_row_ = 0;                // deliveries, since less is sent
};

}  // namespace muster
