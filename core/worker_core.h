// WorkerCore: what a worker holds and how it agrees with the broker about it. Pure: the shell
// (workers/worker.cc) executes attempts, keeps the spool and moves the messages.
//
// Laws: a lease counts from when the worker sent the full Sync that the Desired answers, less a
// margin; when it runs out the worker stops the attempt by itself. A report is kept and resent
// until Desired acknowledges it, and is in the spool before it is sent. Full Syncs go out with
// every beat, but for a worker that rests (core/rest.h): the broker has answered its newest one, it
// holds nothing, owes no report and has had nothing to tell since.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/limits.h"
#include "core/lookup_map.h"
#include "core/messages.h"
#include "core/report.h"
#include "core/time.h"

namespace muster {

struct WorkerOptions {
  uint64_t incarnation = 0;  // grows at each start; below 2^31
  std::string lab;
  std::vector<std::string> pools;
  uint32_t slots = 1;
  std::string version;
  Duration beat = kBeatDefault;
  uint64_t draw = 0;  // unlike that of other workers, so that they do not all beat at once
};

enum class StopWhy : uint8_t {
  cancelled,   // a person asked: the attempt's end is reported as error/user
  fenced,      // another attempt may be alive: its end is not reported
  lease_lost,  // the broker was not heard in time: its end is reported as error/worker
};

// What the shell must do. A cancelled attempt gets its grace to tidy up. The others get none: they
// must be over before somebody else's begin, and the lease's margin is all the time there is. Such
// a stop may follow a cancel that is still in its grace.
struct StopAction {
  AttemptToken token;
  StopWhy why = StopWhy::fenced;
  std::string text;
};
struct WorkerActions {
  std::vector<Assignment> start;
  std::vector<StopAction> stop;
};

// An attempt that an earlier incarnation started and that went on without it.
struct ResumedAttempt {
  Assignment assignment;
  Instant started;
  Instant lease_until;  // as the earlier incarnation knew it
};

class WorkerCore {
 public:
  // `spooled`: reports of earlier incarnations that nobody acknowledged, oldest first.
  // `interrupted`: attempts that an earlier incarnation started and did not see end; they are
  // reported as error/worker.
  WorkerCore(WorkerOptions options, std::vector<Report> spooled,
             std::vector<AttemptToken> interrupted, Instant now);

  // Takes up an attempt of an earlier incarnation: it is held and running as if this one had
  // started it. Before anything else is said or heard. One whose Ending waits in the spool is
  // passed over.
  void resume(ResumedAttempt attempt);

  // The broker's word. A Desired that is not newer than one already taken does nothing.
  void take(const Desired& desired, Instant now);

  // The connection was (re-)made: the next Sync is full and due at once.
  void connected(Instant now);

  // The broker has another log than before: what the old one said last is no measure for what this
  // one says.
  void forget_broker() { epoch_ = desired_number_ = 0; }

  // What the listers of this worker have found, by name. Where that is news the next Sync is full
  // and due at once.
  void set_listed(std::vector<ListedDevice> listed, Instant now);

  // Whether that is all there is; until it is, nothing counts as unplugged. It is from the start;
  // where that changes the next Sync is full and due at once.
  void set_listed_all(bool all, Instant now);

  // The listers of this worker, for the next full Sync, which is a beat after the one before it
  // where that is news.
  void set_listers(std::vector<ListerState> listers);

  // The broker said how often it wants to be heard.
  void set_beat(Duration beat) { options_.beat = beat; }
  Duration beat() const { return options_.beat; }

  // A running attempt said something; an Ending is its last word and frees its slot. `durable`
  // false: the attempt has no side effects, so that its reports need no spool. Dropped for fenced
  // attempts.
  void report(const AttemptToken& token, ReportBody body, bool durable, Instant now);

  // Time passed: leases run out, attempts that wait too long are handed back.
  void tick(Instant now);

  // Starts and stops that became due since the last call. A started attempt runs until
  // report(Ending).
  WorkerActions drain_actions(Instant now);

  // Reports to be written to the spool, durably. None that has not been drained is sent.
  std::vector<Report> drain_unspooled();
  // They could not be written: they come again with the next drain, and nothing from the first of
  // them on is sent before.
  void return_unspooled(std::vector<Report> reports);

  // Why work that has not begun is not welcome; empty: it is. While it is not, the broker is told
  // so and why, nothing starts, and what was leased already is handed back. A change from one to
  // the other makes a full Sync due at once.
  void set_refusing(std::string why, Instant now);

  // Reports up to this one may leave the spool.
  uint64_t acked() const { return acked_; }

  // The next Sync, when one is due (a beat or a rest passed, new reports, room in the window).
  std::optional<Sync> make_sync(Instant now);

  // Whether the broker is to hear nothing, and need say nothing, until then.
  bool rests() const {
    return rest_until_ != kNever && !has_news_ && held_.empty() && outbox_.empty();
  }

  // When to call tick and make_sync at the latest.
  Instant next_deadline() const;

  // For checkers and the shell.
  size_t held_count() const { return held_.size(); }
  size_t running_count() const { return running_; }
  size_t unacked_count() const { return outbox_.size(); }
  // Whether more should be reported now, or rather left where it is kept until some of what was
  // reported is acknowledged.
  bool has_room() const {
    return outbox_.size() < kReportsHeldMax && outbox_bytes_ < kReportBytesHeldMax;
  }
  // When an attempt that runs was started; kNever for others.
  Instant started_at(const AttemptToken& token) const;
  // Until when an attempt that is held may run; kNever for others.
  Instant lease_until(const AttemptToken& token) const;
  bool holds(const AttemptToken& token) const { return held_.contains(token); }
  uint64_t stale_count() const { return stale_; }

 private:
  enum class HeldState : uint8_t {
    waiting,   // for a slot
    running,   // the shell executes it
    stopping,  // the shell was told to stop it
  };
  struct Held {
    Assignment assignment;
    HeldState state = HeldState::waiting;
    StopWhy stop_why = StopWhy::fenced;
    std::string stop_text;
    bool stop_at_once = false;  // the shell was told to give it no grace
    Instant accepted;
    Instant started;
    Instant lease_until;
    uint64_t listed_in = 0;  // first full Sync that listed it; 0: none yet
  };
  struct SentSync {
    uint64_t number = 0;
    Instant sent;
  };

  void accept(const Assignment& assignment, Instant lease_until, Instant now);
  void renew(uint64_t sync_number, Instant lease_until);
  void expire_leases(Instant now);
  void stop(Held& held, StopWhy why, const std::string& text, Instant now);
  void start_waiting(std::deque<AttemptToken>& waiting, Instant now);
  void hand_back(std::deque<AttemptToken>& waiting, Instant accepted_by, const std::string& reason,
                 Instant now);
  bool devices_free(const Assignment& assignment) const;
  void append_report(const AttemptToken& token, ReportBody body, bool durable, Instant now);
  Instant start_in_outbox(const AttemptToken& token) const;
  void acknowledge(uint64_t acked);
  Ending override_ending(const Held& held, Ending ending) const;
  uint32_t credit(Instant now) const;
  bool may_send_next() const;
  void fill_reports(Sync& sync);
  std::optional<Instant> sent_at(uint64_t sync_number) const;
  void say_at_once(Instant now);
  void rest(Instant asked, Duration lease);
  Instant full_sync_due() const { return rests() ? std::max(next_beat_, rest_until_) : next_beat_; }

  WorkerOptions options_;
  std::map<AttemptToken, Held> held_;
  std::deque<AttemptToken> waiting_devices_;  // may hold tokens that are gone
  std::deque<AttemptToken> waiting_plain_;
  size_t running_ = 0;
  std::vector<ListedDevice> listed_;
  bool listed_all_ = true;
  std::vector<ListerState> listers_;
  std::string refusing_;                // why nothing new is taken; empty: it is
  std::set<std::string> busy_devices_;  // of attempts that run or have yet to stop
  WorkerActions actions_;

  std::deque<Report> outbox_;                                   // not acknowledged, oldest first
  size_t outbox_bytes_ = 0;                                     // about
  LookupMap<AttemptToken, uint64_t, TokenHash> ended_unacked_;  // Ending's seq
  std::vector<Report> unspooled_;
  uint64_t next_seq_ = 0;
  uint64_t acked_ = 0;
  size_t sent_ = 0;  // prefix of outbox_ that was sent since the last resend
  uint64_t acked_at_beat_ = 0;

  uint64_t next_sync_ = 0;
  std::deque<SentSync> sent_syncs_;  // full ones
  Instant next_beat_;                // while it does not rest
  bool has_news_ = true;             // for the next full Sync, beside what it holds and reports
  Instant rest_until_;               // kNever: the broker has not answered the newest full Sync
  bool is_first_rest_ = true;        // of this connection
  uint64_t epoch_ = 0;
  uint64_t desired_number_ = 0;
  uint64_t quick_us_ = 0;  // moving average of how long attempts without devices take; 0: none seen
  Instant next_lease_check_;  // no lease runs out before; kNever: nothing is held
  uint64_t renewed_by_ = 0;   // newest full Sync whose answer has renewed leases
  uint64_t stale_ = 0;        // Desired dropped as not newer, and reports of fenced attempts
};

}  // namespace muster
