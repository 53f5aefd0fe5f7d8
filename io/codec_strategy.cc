// schemas/strategy.capnp.
#include "io/codec.h"
#include "io/codec_common.h"
#include "schemas/strategy.capnp.h"

namespace muster {
namespace wire {

struct WriteCheck {
  Check::Builder to;

  void operator()(const muster::CommandCheck& check) {
    CommandCheck::Builder command = to.initCommand();
    put_texts(command, &CommandCheck::Builder::initArgv, check.argv);
  }
  void operator()(const muster::TcpCheck& check) {
    TcpCheck::Builder tcp = to.initTcp();
    put(tcp, &TcpCheck::Builder::setHost, check.host);
    put(tcp, &TcpCheck::Builder::setPort, check.port);
    put(tcp, &TcpCheck::Builder::setExpect, check.expect);
  }
  void operator()(const muster::DiskCheck& check) {
    DiskCheck::Builder disk = to.initDisk();
    put(disk, &DiskCheck::Builder::setPath, check.path);
    disk.setFreeBytesMin(check.free_bytes_min);
    disk.setFreePercentMin(check.free_percent_min);
    disk.setFreeInodesMin(check.free_inodes_min);
    disk.setFreeInodesPercentMin(check.free_inodes_percent_min);
  }
  void operator()(const muster::FileCheck& check) {
    FileCheck::Builder file = to.initFile();
    put(file, &FileCheck::Builder::setPath, check.path);
    file.setExists(check.exists);
    file.setWritable(check.writable);
    put(file, &FileCheck::Builder::setContains, check.contains);
    file.setAgeMax(check.age_max.count());
  }
  void operator()(const muster::NoopCheck&) { to.initNoop(); }
};

static void read(Reading& in, CommandCheck::Reader from, muster::CommandCheck& to) {
  read_texts(in, from.getArgv(), to.argv, "arguments");
}

static void read(Reading& in, TcpCheck::Reader from, muster::TcpCheck& to) {
  in.text(from.getHost(), to.host, "a check's host");
  in.text(from.getPort(), to.port, "a check's port");
  in.text(from.getExpect(), to.expect, "the text that a check expects");
}

static void read(Reading& in, DiskCheck::Reader from, muster::DiskCheck& to) {
  in.text(from.getPath(), to.path, "a check's path");
  to.free_bytes_min = from.getFreeBytesMin();
  to.free_percent_min = from.getFreePercentMin();
  to.free_inodes_min = from.getFreeInodesMin();
  to.free_inodes_percent_min = from.getFreeInodesPercentMin();
}

static void read(Reading& in, FileCheck::Reader from, muster::FileCheck& to) {
  in.text(from.getPath(), to.path, "a check's path");
  to.exists = from.getExists();
  to.writable = from.getWritable();
  in.text(from.getContains(), to.contains, "the text that a check looks for");
  in.duration(from.getAgeMax(), to.age_max, "a check's age_max");
}

static void read(Reading&, NoopCheck::Reader, muster::NoopCheck&) {}

static void read(Reading& in, Check::Reader from, CheckSpec& to) {
  using R = Check::Reader;
  const char* what = "what a check does";
  switch (from.which()) {
    case Check::COMMAND:
      return read_member(in, from, &R::hasCommand, &R::getCommand,
                         to.emplace<muster::CommandCheck>(), what);
    case Check::TCP:
      return read_member(in, from, &R::hasTcp, &R::getTcp, to.emplace<muster::TcpCheck>(), what);
    case Check::DISK:
      return read_member(in, from, &R::hasDisk, &R::getDisk, to.emplace<muster::DiskCheck>(), what);
    case Check::FILE:
      return read_member(in, from, &R::hasFile, &R::getFile, to.emplace<muster::FileCheck>(), what);
    case Check::NOOP:
      return read_member(in, from, &R::hasNoop, &R::getNoop, to.emplace<muster::NoopCheck>(), what);
  }
  in.fail_unknown("kind of check", from.which());
}

static void write(Verifier::Builder to, const muster::Verifier& from) {
  using Builder = Verifier::Builder;
  put(to, &Builder::setTag, from.tag);
  put(to, &Builder::setDescription, from.description);
  std::visit(WriteCheck{to.initCheck()}, from.check);
  put_texts(to, &Builder::initDeps, from.deps);
  to.setTimeout(from.timeout.count());
}

static void read(Reading& in, Verifier::Reader from, muster::Verifier& to) {
  in.text(from.getTag(), to.tag, "a verifier's tag");
  in.text(from.getDescription(), to.description, "a verifier's description");
  read_member(in, from, &Verifier::Reader::hasCheck, &Verifier::Reader::getCheck, to.check,
              "a verifier's check");
  read_texts(in, from.getDeps(), to.deps, "dependencies", kStrategyNodesMax);
  in.duration(from.getTimeout(), to.timeout, "a verifier's timeout");
}

static void write(RepairAction::Builder to, const RepairActionSpec& from) {
  using Builder = RepairAction::Builder;
  put(to, &Builder::setTag, from.tag);
  put(to, &Builder::setDescription, from.description);
  put_texts(to, &Builder::initRun, from.run);
  put_texts(to, &Builder::initDeps, from.deps);
  put_texts(to, &Builder::initTriggers, from.triggers);
  to.setTimeout(from.timeout.count());
}

static void read(Reading& in, RepairAction::Reader from, RepairActionSpec& to) {
  in.text(from.getTag(), to.tag, "a repair action's tag");
  in.text(from.getDescription(), to.description, "a repair action's description");
  read_texts(in, from.getRun(), to.run, "arguments");
  read_texts(in, from.getDeps(), to.deps, "dependencies", kStrategyNodesMax);
  read_texts(in, from.getTriggers(), to.triggers, "triggers", kStrategyNodesMax);
  in.duration(from.getTimeout(), to.timeout, "a repair action's timeout");
}

static void write(Strategy::Builder to, const muster::Strategy& from) {
  using Builder = Strategy::Builder;
  put(to, &Builder::setName, from.name);
  put(to, &Builder::setForSelector, from.for_selector);
  put_list(to, &Builder::initVerifiers, from.verifiers);
  put_list(to, &Builder::initActions, from.actions);
}

static void read(Reading& in, Strategy::Reader from, muster::Strategy& to) {
  in.text(from.getName(), to.name, "the strategy's name");
  in.text(from.getForSelector(), to.for_selector, "the strategy's selector");
  read_list(in, from.getVerifiers(), to.verifiers, "verifiers", kStrategyNodesMax);
  read_list(in, from.getActions(), to.actions, "repair actions", kStrategyNodesMax);
}

}  // namespace wire

Bytes encode_strategy(const Strategy& strategy) {
  return wire::encode_frame<wire::Strategy>(
      [&](wire::Strategy::Builder root) { wire::write(root, strategy); });
}

Result<Strategy> decode_strategy(std::string_view bytes) {
  Strategy strategy;
  auto problem = wire::decode_frame<wire::Strategy>(
      bytes, kStrategyBytesMax,
      [&](wire::Reading& in, wire::Strategy::Reader root) { wire::read(in, root, strategy); });
  if (problem) return Error{"strategy: " + *problem};
  const std::vector<StrategyProblem> problems = check_strategy(strategy);
  if (problems.empty()) return strategy;
  const std::string& where = problems.front().where;
  return Error{"strategy " + strategy.name + ": " + (where.empty() ? "" : where + ": ") +
               problems.front().message};
}

}  // namespace muster
