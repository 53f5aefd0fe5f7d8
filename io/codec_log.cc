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

}  // namespace muster::wire
