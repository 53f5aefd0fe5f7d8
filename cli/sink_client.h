// The collector's sinks as the CLI asks for them: through the home's socket or, where no collector
// of this home listens, at the http(s) address that the configuration has for its archive.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/api_client.h"
#include "cli/session.h"
#include "core/time.h"

namespace muster {

struct SinkInfo {
  std::string name;
  std::string place;
  std::string state;
  std::optional<uint64_t> cursor;      // nothing: its place was never reached
  std::optional<uint64_t> lag_events;  // nothing: not known
  Duration lag{0};
  uint64_t delivered = 0;
  std::optional<uint64_t> dead_letters;  // nothing: not known
  uint64_t unknown = 0;                  // events that the collector's build leaves out
  uint64_t first_unknown = 0;
  Instant delivering_since;  // kNever: nothing is under way
  std::string error;         // empty: it works
  Instant retry_at;
  std::string json;  // muster.sink/1
};

struct DeadLetterInfo {
  uint64_t seq = 0;
  std::string type;
  std::string guid;
  std::string answer;
  Instant buried;
  std::string json;  // muster.dead_letter/1
};

struct SinkOrderInfo {
  std::string error;      // why it ended before its end; empty: it did not
  bool is_wrong = false;  // of `error`: what was asked, however things stand
  std::vector<uint64_t> done;
  std::vector<std::pair<uint64_t, std::string>> refused;  // number and answer
  std::vector<uint64_t> left;                             // not tried yet
  std::string json;                                       // muster.sink_order/1
};

// Each throws Failure when nobody answers (kExitUnreachable) or the collector says no.
class SinkClient {
 public:
  explicit SinkClient(Session& session);

  std::vector<SinkInfo> list();
  // Gives the letters of a sink one by one, in the order in which they were written.
  void each_letter(const std::string& sink, const std::function<void(DeadLetterInfo)>& take);
  // As Failure what an order's `error` says.
  [[noreturn]] static void fail(const SinkOrderInfo& order);
  SinkOrderInfo replay(const std::string& sink, uint64_t from);
  // No `seqs`: all. `error` may be set: what was done until then is there.
  SinkOrderInfo change_letters(const std::string& sink, bool drop,
                               const std::vector<uint64_t>& seqs);

 private:
  ApiReply ask(const std::string& method, const std::string& path);
  void check(const ApiReply& reply, int64_t began_us) const;
  SinkOrderInfo order(const std::string& sink, const std::string& what);
  SinkOrderInfo change_some(const std::string& sink, const std::string& what);

  ApiClient api_;
};

}  // namespace muster
