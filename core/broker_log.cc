// Lines of the daemons' own logs, turned into facts.
#include "core/broker_core.h"
#include "core/guid.h"

namespace muster {

namespace {

constexpr char kBroker[] = "broker";

Event make_logged(const std::string& daemon, LogLine line, Instant now) {
  line.text = cut_text(line.text, kLogLineBytesMax);
  return Event{now, DaemonLogged{daemon, std::move(line)}};
}

// As its log file is named, but for a collector's that has a name of its own.
std::string daemon_of(Role role, const std::string& name) {
  const std::string kind(to_string(role));
  return name == kind ? kind : kind + "-" + name;
}

}  // namespace

// What a line says may be lost to the events, the log has it: so while the disk is low it waits.
Decision BrokerCore::decide_tell_log(const FromPeer& input, const TellLog& tell,
                                     Instant now) const {
  Decision decision;
  const Session& session = *find_session(input.peer);
  if (session.role != Role::worker && session.role != Role::collector) {
    return refuse(input, RefusalCode::not_permitted, "only daemons have a log to tell of");
  }
  if (tell.lines.size() > kLogLinesPerTellMax) {
    return refuse(
        input, RefusalCode::limit,
        "at most " + std::to_string(kLogLinesPerTellMax) + " lines of a log in one message");
  }
  const std::string daemon = daemon_of(session.role, session.name);
  if (const auto problem = invalid_name(session.name, "daemon")) {
    return refuse(input, RefusalCode::invalid, *problem);
  }
  const auto known = logged_through_.find(daemon);
  if (known == logged_through_.end() && logged_through_.size() >= kLogTellersMax) {
    return refuse(
        input, RefusalCode::limit,
        "lines of more than " + std::to_string(kLogTellersMax) + " daemons have become events");
  }
  if (disk_low_) {
    return refuse(input, RefusalCode::unavailable, "the broker's disk is nearly full");
  }
  uint64_t through = known == logged_through_.end() ? 0 : known->second;
  for (const LogLine& line : tell.lines) {
    if (line.seq <= through) continue;
    through = line.seq;
    decision.events.push_back(make_logged(daemon, line, now));
  }
  decision.sends.push_back(answer_to(input, TellLogReply{through}));
  return decision;
}

Decision BrokerCore::decide_own_log(const OwnLog& own, Instant now) const {
  Decision decision;
  for (const LogLine& line : own.lines) {
    decision.events.push_back(make_logged(kBroker, line, now));
  }
  return decision;
}

void BrokerCore::apply_event(const DaemonLogged& event, Instant) {
  logged_through_[event.daemon] = event.line.seq;
}

}  // namespace muster
