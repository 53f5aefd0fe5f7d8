// schemas/work.capnp.
#include <algorithm>

#include "io/codec.h"
#include "io/codec_common.h"
#include "schemas/work.capnp.h"

namespace muster {
namespace wire {

static_assert(same(Keep::NEVER, muster::Keep::never));
static_assert(same(Keep::ON_FAILURE, muster::Keep::on_failure));
static_assert(same(Keep::ALWAYS, muster::Keep::always));
static_assert(same(ResultFormat::JUNIT, muster::ResultFileFormat::junit));
static_assert(same(ResultFormat::GTEST, muster::ResultFileFormat::gtest));

static void write(ResultFiles::Builder to, const muster::ResultFiles& from) {
  to.setFormat(to_wire<ResultFormat>(from.format));
  put(to, &ResultFiles::Builder::setPattern, from.pattern);
}

static void write(MeasureFiles::Builder to, const muster::MeasureFiles& from) {
  put(to, &MeasureFiles::Builder::setTable, from.table);
  put(to, &MeasureFiles::Builder::setPattern, from.pattern);
}

static void write(JobStep::Builder to, const muster::JobStep& from) {
  put(to, &JobStep::Builder::setId, from.id);
  put_texts(to, &JobStep::Builder::initArgv, from.argv);
  to.setTimeout(from.timeout.count());
  to.setUninterruptible(from.uninterruptible);
  put_list(to, &JobStep::Builder::initResults, from.results);
  put_list(to, &JobStep::Builder::initMeasures, from.measures);
}

static void write(MeasureLimit::Builder to, const muster::MeasureLimit& from) {
  put(to, &MeasureLimit::Builder::setTable, from.table);
  put(to, &MeasureLimit::Builder::setColumn, from.column);
  if (from.min) to.getLower().setMin(*from.min);
  if (from.max) to.getUpper().setMax(*from.max);
  put(to, &MeasureLimit::Builder::setUnit, from.unit);
}

static void write(JobWork::Builder to, const muster::JobWork& from) {
  using Builder = JobWork::Builder;
  if (const auto* command = std::get_if<muster::CommandSource>(&from.source)) {
    CommandSource::Builder source = to.getSource().initCommand();
    put_texts(source, &CommandSource::Builder::initArgv, command->argv);
  } else if (const auto* tree = std::get_if<muster::TreeSource>(&from.source)) {
    TreeSource::Builder source = to.getSource().initTree();
    put(source, &TreeSource::Builder::setDir, tree->dir);
    put(source, &TreeSource::Builder::setPath, tree->path);
    put_texts(source, &TreeSource::Builder::initTags, tree->tags);
  } else if (const auto* git = std::get_if<muster::GitSource>(&from.source)) {
    GitSource::Builder source = to.getSource().initGit();
    put(source, &GitSource::Builder::setUrl, git->url);
    put(source, &GitSource::Builder::setRef, git->ref);
    put(source, &GitSource::Builder::setPath, git->path);
    put_texts(source, &GitSource::Builder::initTags, git->tags);
    put(source, &GitSource::Builder::setAskedRef, git->asked_ref);
  }
  put(to, &Builder::setCwd, from.cwd);
  put_list(to, &Builder::initEnv, from.env);
  put_texts(to, &Builder::initEnvPass, from.env_pass);
  put_list(to, &Builder::initSteps, from.steps);
  put_list(to, &Builder::initFinally, from.finally);
  put_texts(to, &Builder::initArtifacts, from.artifacts);
  to.setExpectTests(from.expect_tests);
  put_list(to, &Builder::initLimits, from.limits);
  to.setKeep(to_wire<Keep>(from.keep));
  to.setKeepFor(from.keep_for.count());
  to.setPty(from.pty);
  put_list(to, &Builder::initResults, from.results);
}

static void read(Reading& in, CommandSource::Reader from, muster::CommandSource& to) {
  read_texts(in, from.getArgv(), to.argv, "arguments");
}

static void read(Reading& in, TreeSource::Reader from, muster::TreeSource& to) {
  in.text(from.getDir(), to.dir, "the tree's directory");
  in.text(from.getPath(), to.path, "the job's path");
  read_texts(in, from.getTags(), to.tags, "tags");
}

static void read(Reading& in, GitSource::Reader from, muster::GitSource& to) {
  in.text(from.getUrl(), to.url, "the repository's URL");
  in.text(from.getRef(), to.ref, "the ref");
  in.text(from.getPath(), to.path, "the job's path");
  read_texts(in, from.getTags(), to.tags, "tags");
  in.text(from.getAskedRef(), to.asked_ref, "the ref as it was asked for");
}

static void read(Reading& in, ResultFiles::Reader from, muster::ResultFiles& to) {
  in.enumerant(from.getFormat(), muster::ResultFileFormat::gtest, to.format, "format of results");
  in.text(from.getPattern(), to.pattern, "the pattern of results");
}

static void read(Reading& in, MeasureFiles::Reader from, muster::MeasureFiles& to) {
  in.text(from.getTable(), to.table, "the table of measurements");
  in.text(from.getPattern(), to.pattern, "the pattern of measurements");
}

static void read(Reading& in, JobStep::Reader from, muster::JobStep& to) {
  in.text(from.getId(), to.id, "the id of a step");
  read_texts(in, from.getArgv(), to.argv, "arguments");
  in.duration(from.getTimeout(), to.timeout, "the timeout of a step");
  to.uninterruptible = from.getUninterruptible();
  read_list(in, from.getResults(), to.results, "results of a step");
  read_list(in, from.getMeasures(), to.measures, "measurements of a step");
}

static void read(Reading& in, MeasureLimit::Reader from, muster::MeasureLimit& to) {
  in.text(from.getTable(), to.table, "the table of a limit");
  in.text(from.getColumn(), to.column, "the column of a limit");
  const MeasureLimit::Lower::Reader lower = from.getLower();
  const MeasureLimit::Upper::Reader upper = from.getUpper();
  if (lower.which() > MeasureLimit::Lower::MIN || upper.which() > MeasureLimit::Upper::MAX)
    in.fail_unknown("kind of limit", std::max<unsigned>(lower.which(), upper.which()));
  if (lower.isMin()) in.real(lower.getMin(), to.min.emplace(), "the lower limit");
  if (upper.isMax()) in.real(upper.getMax(), to.max.emplace(), "the upper limit");
  in.text(from.getUnit(), to.unit, "the unit of a limit");
}

static void read_source(Reading& in, JobWork::Source::Reader from, muster::JobWork& to) {
  using R = JobWork::Source::Reader;
  const char* what = "the source of a job";
  switch (from.which()) {
    case JobWork::Source::COMMAND:
      return read_member(in, from, &R::hasCommand, &R::getCommand,
                         to.source.emplace<muster::CommandSource>(), what);
    case JobWork::Source::TREE:
      return read_member(in, from, &R::hasTree, &R::getTree,
                         to.source.emplace<muster::TreeSource>(), what);
    case JobWork::Source::GIT:
      return read_member(in, from, &R::hasGit, &R::getGit, to.source.emplace<muster::GitSource>(),
                         what);
  }
  in.fail_unknown("kind of source", from.which());
}

static void read(Reading& in, NoopWork::Reader from, muster::NoopWork& to) {
  in.data(from.getPayload(), to.payload);
}

static void read(Reading& in, VerifyWork::Reader from, muster::VerifyWork& to) {
  in.text(from.getLevel(), to.level, "the level");
}

static void read(Reading& in, JobWork::Reader from, muster::JobWork& to) {
  read_source(in, from.getSource(), to);
  in.text(from.getCwd(), to.cwd, "the working directory");
  read_map(in, from.getEnv(), to.env, "the environment");
  read_texts(in, from.getEnvPass(), to.env_pass, "names of variables");
  read_list(in, from.getSteps(), to.steps, "steps", kStepsMax);
  read_list(in, from.getFinally(), to.finally, "steps of finally", kStepsMax);
  read_texts(in, from.getArtifacts(), to.artifacts, "patterns of artifacts");
  to.expect_tests = from.getExpectTests();
  read_list(in, from.getLimits(), to.limits, "limits of measurements");
  in.enumerant(from.getKeep(), muster::Keep::always, to.keep, "word for what is kept");
  in.duration(from.getKeepFor(), to.keep_for, "the time for which a workspace is kept");
  to.pty = from.getPty();
  read_list(in, from.getResults(), to.results, "results of a tree's jobs");
}

static void read(Reading& in, RepairWork::Reader from, muster::RepairWork& to) {
  in.text(from.getReason(), to.reason, "the reason of a repair");
}

struct WriteWork {
  Work::Builder to;

  void operator()(const muster::NoopWork& work) {
    NoopWork::Builder noop = to.initNoop();
    put(noop, &NoopWork::Builder::setPayload, work.payload);
  }
  void operator()(const muster::VerifyWork& work) {
    VerifyWork::Builder verify = to.initVerify();
    put(verify, &VerifyWork::Builder::setLevel, work.level);
  }
  void operator()(const muster::JobWork& work) { write(to.initJob(), work); }
  void operator()(const muster::RepairWork& work) {
    RepairWork::Builder repair = to.initRepair();
    put(repair, &RepairWork::Builder::setReason, work.reason);
  }
};

static void read_work(Reading& in, Work::Reader from, muster::Work& to) {
  using R = Work::Reader;
  switch (from.which()) {
    case Work::NOOP:
      return read_member(in, from, &R::hasNoop, &R::getNoop, to.emplace<muster::NoopWork>(),
                         "the no-op");
    case Work::VERIFY:
      return read_member(in, from, &R::hasVerify, &R::getVerify, to.emplace<muster::VerifyWork>(),
                         "the verification");
    case Work::JOB:
      return read_member(in, from, &R::hasJob, &R::getJob, to.emplace<muster::JobWork>(),
                         "the job");
    case Work::REPAIR:
      return read_member(in, from, &R::hasRepair, &R::getRepair, to.emplace<muster::RepairWork>(),
                         "the repair");
  }
  in.fail_unknown("kind of work", from.which());
}

}  // namespace wire

Bytes encode_work(const Work& work) {
  return wire::encode_frame<wire::Work>(
      [&](wire::Work::Builder root) { std::visit(wire::WriteWork{root}, work); });
}

Result<Work> decode_work(std::string_view bytes) {
  Work work;
  auto problem = wire::decode_frame<wire::Work>(
      bytes, kWorkBytesMax,
      [&](wire::Reading& in, wire::Work::Reader root) { wire::read_work(in, root, work); });
  if (problem) return Error{"work: " + *problem};
  return work;
}

}  // namespace muster
