// schemas/work.capnp.
#include "io/codec.h"
#include "io/codec_common.h"
#include "schemas/work.capnp.h"

namespace muster {
namespace wire {

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
  }
  put(to, &Builder::setCwd, from.cwd);
  put_list(to, &Builder::initEnv, from.env);
  put_texts(to, &Builder::initEnvPass, from.env_pass);
}

static void read(Reading& in, CommandSource::Reader from, muster::CommandSource& to) {
  read_texts(in, from.getArgv(), to.argv, "arguments");
}

static void read(Reading& in, TreeSource::Reader from, muster::TreeSource& to) {
  in.text(from.getDir(), to.dir, "the tree's directory");
  in.text(from.getPath(), to.path, "the job's path");
  read_texts(in, from.getTags(), to.tags, "tags");
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
