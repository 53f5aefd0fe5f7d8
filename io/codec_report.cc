// schemas/report.capnp.
#include "io/codec.h"
#include "io/codec_parts.h"

namespace muster {
namespace wire {

void write(AttemptStarted::Builder to, const muster::AttemptStarted& from) {
  put(to, &AttemptStarted::Builder::setLogUrl, from.log_url);
  put_texts(to, &AttemptStarted::Builder::initArgv, from.argv);
}

void read(Reading& in, AttemptStarted::Reader from, muster::AttemptStarted& to) {
  in.text(from.getLogUrl(), to.log_url, "a log's URL");
  read_texts(in, from.getArgv(), to.argv, "arguments");
}

void write(Record::Builder to, const muster::Record& from) {
  put(to, &Record::Builder::setStatus, from.status);
  put(to, &Record::Builder::setSubdir, from.subdir);
  put(to, &Record::Builder::setOperation, from.operation);
  put_list(to, &Record::Builder::initFields, from.fields);
  put(to, &Record::Builder::setMessage, from.message);
}

static void read(Reading& in, Pair::Reader from, std::pair<std::string, std::string>& to) {
  in.text(from.getKey(), to.first, "a field's name");
  in.text(from.getValue(), to.second, "a field's value");
}

void read(Reading& in, Record::Reader from, muster::Record& to) {
  in.text(from.getStatus(), to.status, "a record's status");
  in.text(from.getSubdir(), to.subdir, "a record's subdir");
  in.text(from.getOperation(), to.operation, "a record's operation");
  read_list(in, from.getFields(), to.fields, "fields of a record");
  in.text(from.getMessage(), to.message, "a record's message");
}

void write(CaseResult::Builder to, const muster::CaseResult& from) {
  put(to, &CaseResult::Builder::setSuite, from.suite);
  put(to, &CaseResult::Builder::setName, from.name);
  to.setOutcome(to_wire<Outcome>(from.outcome));
  to.setDuration(from.duration.count());
  put(to, &CaseResult::Builder::setMessage, from.message);
}

void read(Reading& in, CaseResult::Reader from, muster::CaseResult& to) {
  in.text(from.getSuite(), to.suite, "a test suite's name");
  in.text(from.getName(), to.name, "a test case's name");
  in.enumerant(from.getOutcome(), muster::Outcome::skip, to.outcome, "outcome");
  in.duration(from.getDuration(), to.duration, "a test case's duration");
  in.text(from.getMessage(), to.message, "a test case's message");
}

void write(Progress::Builder to, const muster::Progress& from) {
  to.setPercent(from.percent);
  put(to, &Progress::Builder::setText, from.text);
}

void read(Reading& in, Progress::Reader from, muster::Progress& to) {
  to.percent = from.getPercent();
  in.text(from.getText(), to.text, "the text of a progress");
}

struct WriteReportBody {
  Report::Builder to;

  void operator()(const muster::AttemptStarted& body) { write(to.initStarted(), body); }
  void operator()(const muster::Record& body) { write(to.initRecord(), body); }
  void operator()(const muster::CaseResult& body) { write(to.initResult(), body); }
  void operator()(const muster::Ending& body) { write(to.initEnded(), body); }
  void operator()(const muster::Progress& body) { write(to.initProgress(), body); }
};

static void read_body(Reading& in, Report::Reader from, ReportBody& to) {
  using R = Report::Reader;
  const char* what = "the body of a report";
  switch (from.which()) {
    case Report::STARTED:
      return read_member(in, from, &R::hasStarted, &R::getStarted,
                         to.emplace<muster::AttemptStarted>(), what);
    case Report::RECORD:
      return read_member(in, from, &R::hasRecord, &R::getRecord, to.emplace<muster::Record>(),
                         what);
    case Report::RESULT:
      return read_member(in, from, &R::hasResult, &R::getResult, to.emplace<muster::CaseResult>(),
                         what);
    case Report::ENDED:
      return read_member(in, from, &R::hasEnded, &R::getEnded, to.emplace<muster::Ending>(), what);
    case Report::PROGRESS:
      return read_member(in, from, &R::hasProgress, &R::getProgress, to.emplace<muster::Progress>(),
                         what);
  }
  in.fail_unknown("kind of report", from.which());
}

void write(Report::Builder to, const muster::Report& from) {
  to.setSeq(from.seq);
  put_token(to, from.token);
  to.setTime(to_us(from.time));
  std::visit(WriteReportBody{to}, from.body);
}

void read(Reading& in, Report::Reader from, muster::Report& to) {
  const size_t taken_before = in.taken();
  to.seq = from.getSeq();
  read_token(in, from, to.token);
  in.time(from.getTime(), to.time, "the time of a report");
  read_body(in, from, to.body);
  const size_t taken = in.taken() - taken_before;
  if (taken > kReportBytesMax) {
    in.fail("a report has " + std::to_string(taken) + " bytes, and at most " +
            std::to_string(kReportBytesMax) + " are allowed");
  }
}

}  // namespace wire

Bytes encode_report(const Report& report) {
  return wire::encode_frame<wire::Report>(
      [&](wire::Report::Builder root) { wire::write(root, report); });
}

Result<Report> decode_report(std::string_view bytes) {
  Report report;
  auto problem = wire::decode_frame<wire::Report>(
      bytes, kMessageBytesMax,
      [&](wire::Reading& in, wire::Report::Reader root) { wire::read(in, root, report); });
  if (problem) return Error{"report: " + *problem};
  return report;
}

}  // namespace muster
