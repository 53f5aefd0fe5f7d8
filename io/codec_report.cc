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

void write(SourceFetched::Builder to, const muster::SourceFetched& from) {
  put(to, &SourceFetched::Builder::setUrl, from.url);
  put(to, &SourceFetched::Builder::setRef, from.ref);
  put(to, &SourceFetched::Builder::setSha, from.sha);
}

void read(Reading& in, SourceFetched::Reader from, muster::SourceFetched& to) {
  in.text(from.getUrl(), to.url, "the URL of a source");
  in.text(from.getRef(), to.ref, "the ref of a source");
  in.text(from.getSha(), to.sha, "the commit of a source");
}

void write(Shout::Builder to, const muster::Shout& from) {
  put(to, &Shout::Builder::setJson, from.json);
}

void read(Reading& in, Shout::Reader from, muster::Shout& to) {
  in.text(from.getJson(), to.json, "what was shouted");
}

static void write(Measurement::Cell::Builder to, const std::pair<std::string, MeasureValue>& from) {
  put(to, &Measurement::Cell::Builder::setColumn, from.first);
  if (const auto* integer = std::get_if<int64_t>(&from.second)) to.setInteger(*integer);
  if (const auto* real = std::get_if<double>(&from.second)) to.setReal(*real);
  if (const auto* truth = std::get_if<bool>(&from.second)) to.setTruth(*truth);
  if (const auto* text = std::get_if<std::string>(&from.second))
    to.setText(capnp::Text::Reader(text->data(), text->size()));
}

static void read(Reading& in, Measurement::Cell::Reader from,
                 std::pair<std::string, MeasureValue>& to) {
  in.text(from.getColumn(), to.first, "the column of a measurement");
  switch (from.which()) {
    case Measurement::Cell::INTEGER:
      to.second = from.getInteger();
      return;
    case Measurement::Cell::REAL:
      in.real(from.getReal(), to.second.emplace<double>(), "the value of a measurement");
      return;
    case Measurement::Cell::TRUTH:
      to.second = from.getTruth();
      return;
    case Measurement::Cell::TEXT:
      in.text(from.getText(), to.second.emplace<std::string>(), "the value of a measurement");
      return;
  }
  in.fail_unknown("kind of value", from.which());
}

void write(Measurement::Builder to, const muster::Measurement& from) {
  put(to, &Measurement::Builder::setTable, from.table);
  put_list(to, &Measurement::Builder::initRow, from.row);
}

void read(Reading& in, Measurement::Reader from, muster::Measurement& to) {
  in.text(from.getTable(), to.table, "the table of a measurement");
  read_list(in, from.getRow(), to.row, "columns of a measurement", kMeasureColumnsMax);
}

void write(Artifact::Builder to, const muster::Artifact& from) {
  put(to, &Artifact::Builder::setName, from.name);
  put(to, &Artifact::Builder::setUrl, from.url);
  to.setBytes(from.bytes);
  put(to, &Artifact::Builder::setSha256, from.sha256);
}

void read(Reading& in, Artifact::Reader from, muster::Artifact& to) {
  in.text(from.getName(), to.name, "the name of an artifact");
  in.text(from.getUrl(), to.url, "the URL of an artifact");
  to.bytes = from.getBytes();
  in.text(from.getSha256(), to.sha256, "the digest of an artifact");
}

void write(CallFailed::Builder to, const muster::CallFailed& from) {
  put(to, &CallFailed::Builder::setMethod, from.method);
  put(to, &CallFailed::Builder::setArguments, from.arguments);
  put(to, &CallFailed::Builder::setPeer, from.peer);
  put(to, &CallFailed::Builder::setError, from.error);
}

void read(Reading& in, CallFailed::Reader from, muster::CallFailed& to) {
  in.text(from.getMethod(), to.method, "the method of a call");
  in.text(from.getArguments(), to.arguments, "the arguments of a call");
  in.text(from.getPeer(), to.peer, "the peer of a call");
  in.text(from.getError(), to.error, "the error of a call");
}

void write(CallMade::Builder to, const muster::CallMade& from) {
  put(to, &CallMade::Builder::setMethod, from.method);
  put(to, &CallMade::Builder::setArguments, from.arguments);
  put(to, &CallMade::Builder::setPeer, from.peer);
}

void read(Reading& in, CallMade::Reader from, muster::CallMade& to) {
  in.text(from.getMethod(), to.method, "the method of a call");
  in.text(from.getArguments(), to.arguments, "the arguments of a call");
  in.text(from.getPeer(), to.peer, "the peer of a call");
}

struct WriteReportBody {
  Report::Builder to;

  void operator()(const muster::AttemptStarted& body) { write(to.initStarted(), body); }
  void operator()(const muster::Record& body) { write(to.initRecord(), body); }
  void operator()(const muster::CaseResult& body) { write(to.initResult(), body); }
  void operator()(const muster::Ending& body) { write(to.initEnded(), body); }
  void operator()(const muster::Progress& body) { write(to.initProgress(), body); }
  void operator()(const muster::SourceFetched& body) { write(to.initSource(), body); }
  void operator()(const muster::Shout& body) { write(to.initShout(), body); }
  void operator()(const muster::Measurement& body) { write(to.initMeasurement(), body); }
  void operator()(const muster::Artifact& body) { write(to.initArtifact(), body); }
  void operator()(const muster::CallFailed& body) { write(to.initCallFailed(), body); }
  void operator()(const muster::CallMade& body) { write(to.initCallMade(), body); }
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
    case Report::SOURCE:
      return read_member(in, from, &R::hasSource, &R::getSource,
                         to.emplace<muster::SourceFetched>(), what);
    case Report::SHOUT:
      return read_member(in, from, &R::hasShout, &R::getShout, to.emplace<muster::Shout>(), what);
    case Report::MEASUREMENT:
      return read_member(in, from, &R::hasMeasurement, &R::getMeasurement,
                         to.emplace<muster::Measurement>(), what);
    case Report::ARTIFACT:
      return read_member(in, from, &R::hasArtifact, &R::getArtifact, to.emplace<muster::Artifact>(),
                         what);
    case Report::CALL_FAILED:
      return read_member(in, from, &R::hasCallFailed, &R::getCallFailed,
                         to.emplace<muster::CallFailed>(), what);
    case Report::CALL_MADE:
      return read_member(in, from, &R::hasCallMade, &R::getCallMade, to.emplace<muster::CallMade>(),
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
