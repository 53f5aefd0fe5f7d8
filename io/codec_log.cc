// schemas/log.capnp, and the messages that carry lines of logs.
#include "io/codec_wire.h"

namespace muster::wire {

static_assert(same(LogLevel::TRACE, muster::LogLevel::trace));
static_assert(same(LogLevel::DEBUG, muster::LogLevel::debug));
static_assert(same(LogLevel::INFO, muster::LogLevel::info));
static_assert(same(LogLevel::WARNING, muster::LogLevel::warning));
static_assert(same(LogLevel::ERROR, muster::LogLevel::error));
static_assert(same(LogLevel::CRITICAL, muster::LogLevel::critical));

void write(LogLine::Builder to, const muster::LogLine& from) {
  to.setSeq(from.seq);
  to.setTime(to_us(from.time));
  to.setLevel(to_wire<LogLevel>(from.level));
  put(to, &LogLine::Builder::setText, from.text);
  to.setLeftOut(from.left_out);
}

void read(Reading& in, LogLine::Reader from, muster::LogLine& to) {
  to.seq = from.getSeq();
  in.time(from.getTime(), to.time, "the time of a line of a log");
  in.enumerant(from.getLevel(), muster::LogLevel::critical, to.level, "level of a log");
  in.text(from.getText(), to.text, "a line of a log");
  to.left_out = from.getLeftOut();
}

void write(TellLog::Builder to, const muster::TellLog& from) {
  put_list(to, &TellLog::Builder::initLines, from.lines);
}

void read(Reading& in, TellLog::Reader from, muster::TellLog& to) {
  read_list(in, from.getLines(), to.lines, "lines of a log", kLogLinesPerTellMax);
}

void write(TellLogReply::Builder to, const muster::TellLogReply& from) {
  to.setThrough(from.through);
}

void read(Reading&, TellLogReply::Reader from, muster::TellLogReply& to) {
  to.through = from.getThrough();
}

static void write(LogReader::Builder to, const muster::LogReader& from) {
  put(to, &LogReader::Builder::setName, from.name);
  to.setNeeds(from.needs);
  to.setHeard(to_us(from.heard));
}

static void read(Reading& in, LogReader::Reader from, muster::LogReader& to) {
  in.text(from.getName(), to.name, "the name of a reader");
  to.needs = from.getNeeds();
  in.time(from.getHeard(), to.heard, "when a reader was heard");
}

void write(LogState::Builder to, const muster::LogState& from) {
  to.setTail(from.tail);
  to.setHead(from.head);
  to.setBytes(from.size.bytes);
  to.setRoom(from.size.room);
  to.setKeepAge(from.keeping.age.count());
  to.setKeepBytes(from.keeping.bytes_max);
  auto snapshots = to.initSnapshots(static_cast<unsigned>(from.snapshots.size()));
  for (unsigned i = 0; i < snapshots.size(); ++i) snapshots.set(i, from.snapshots[i]);
  put_list(to, &LogState::Builder::initReaders, from.readers);
  to.setLimit(from.limit);
}

void read(Reading& in, LogState::Reader from, muster::LogState& to) {
  to.tail = from.getTail();
  to.head = from.getHead();
  to.size = {from.getBytes(), from.getRoom()};
  in.duration(from.getKeepAge(), to.keeping.age, "how long events are kept");
  to.keeping.bytes_max = from.getKeepBytes();
  const auto snapshots = from.getSnapshots();
  if (!in.room(snapshots.size(), kUnbounded, sizeof(uint64_t), "snapshots")) return;
  for (const uint64_t head : snapshots) to.snapshots.push_back(head);
  read_list(in, from.getReaders(), to.readers, "readers of the log", kLogReadersMax);
  to.limit = from.getLimit();
}

void write(TrimLog::Builder to, const muster::TrimLog& from) {
  to.setBefore(from.before);
  to.setDryRun(from.dry_run);
  put(to, &TrimLog::Builder::setWho, from.who);
}

void read(Reading& in, TrimLog::Reader from, muster::TrimLog& to) {
  to.before = from.getBefore();
  to.dry_run = from.getDryRun();
  in.text(from.getWho(), to.who, "who trims the log");
}

void write(TrimLogReply::Builder to, const muster::TrimLogReply& from) {
  to.setBefore(from.before);
  put(to, &TrimLogReply::Builder::setHeldBy, from.held_by);
  write(to.initState(), from.state);
}

void read(Reading& in, TrimLogReply::Reader from, muster::TrimLogReply& to) {
  to.before = from.getBefore();
  in.text(from.getHeldBy(), to.held_by, "what holds the log");
  read(in, from.getState(), to.state);
}

void write(ForgetReader::Builder to, const muster::ForgetReader& from) {
  put(to, &ForgetReader::Builder::setName, from.name);
  put(to, &ForgetReader::Builder::setWho, from.who);
}

void read(Reading& in, ForgetReader::Reader from, muster::ForgetReader& to) {
  in.text(from.getName(), to.name, "the name of a reader");
  in.text(from.getWho(), to.who, "who forgets a reader");
}

}  // namespace muster::wire
