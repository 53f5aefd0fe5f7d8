// schemas/strategy.capnp.
#include "io/codec.h"
#include "io/codec_common.h"
#include "schemas/strategy.capnp.h"

namespace muster {
namespace wire {

static_assert(same(FinallyWhen::ALWAYS, muster::FinallyWhen::always));
static_assert(same(FinallyWhen::FAILED, muster::FinallyWhen::failed));
static_assert(same(FinallyWhen::PASSED, muster::FinallyWhen::passed));

static void write(CommandCheck::Builder to, const muster::CommandCheck& from) {
  put_texts(to, &CommandCheck::Builder::initArgv, from.argv);
}

static void write(SshCheck::Builder to, const muster::SshCheck& from) {
  using Builder = SshCheck::Builder;
  put(to, &Builder::setHost, from.host);
  put(to, &Builder::setPort, from.port);
  put(to, &Builder::setUser, from.user);
  put(to, &Builder::setKey, from.key);
  put(to, &Builder::setKnownHosts, from.known_hosts);
  put_texts(to, &Builder::initArgv, from.argv);
}

static void write(HttpCheck::Builder to, const muster::HttpCheck& from) {
  using Builder = HttpCheck::Builder;
  put(to, &Builder::setMethod, from.method);
  put(to, &Builder::setUrl, from.url);
  put_texts(to, &Builder::initHeaders, from.headers);
  put(to, &Builder::setBody, from.body);
  to.setStatus(from.status);
  put(to, &Builder::setContains, from.contains);
}

struct WriteCheck {
  Check::Builder to;

  void operator()(const muster::CommandCheck& check) { write(to.initCommand(), check); }
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
  void operator()(const muster::PingCheck& check) {
    PingCheck::Builder ping = to.initPing();
    put(ping, &PingCheck::Builder::setHost, check.host);
    ping.setCount(check.count);
  }
  void operator()(const muster::SshCheck& check) { write(to.initSsh(), check); }
  void operator()(const muster::HttpCheck& check) { write(to.initHttp(), check); }
  void operator()(const muster::AdbCheck& check) {
    AdbCheck::Builder adb = to.initAdb();
    put(adb, &AdbCheck::Builder::setSerial, check.serial);
    put(adb, &AdbCheck::Builder::setState, check.state);
    put(adb, &AdbCheck::Builder::setServer, check.server);
  }
  void operator()(const muster::UsbCheck& check) {
    UsbCheck::Builder usb = to.initUsb();
    put(usb, &UsbCheck::Builder::setVendor, check.vendor);
    put(usb, &UsbCheck::Builder::setProduct, check.product);
    put(usb, &UsbCheck::Builder::setSerial, check.serial);
    put(usb, &UsbCheck::Builder::setSysfs, check.sysfs);
  }
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

static void read(Reading& in, PingCheck::Reader from, muster::PingCheck& to) {
  in.text(from.getHost(), to.host, "a check's host");
  to.count = from.getCount();
}

static void read(Reading& in, SshCheck::Reader from, muster::SshCheck& to) {
  in.text(from.getHost(), to.host, "a host for ssh");
  in.text(from.getPort(), to.port, "a port for ssh");
  in.text(from.getUser(), to.user, "a user for ssh");
  in.text(from.getKey(), to.key, "a key for ssh");
  in.text(from.getKnownHosts(), to.known_hosts, "known hosts for ssh");
  read_texts(in, from.getArgv(), to.argv, "arguments");
}

static void read(Reading& in, HttpCheck::Reader from, muster::HttpCheck& to) {
  in.text(from.getMethod(), to.method, "an HTTP method");
  in.text(from.getUrl(), to.url, "a URL");
  read_texts(in, from.getHeaders(), to.headers, "HTTP headers");
  in.text(from.getBody(), to.body, "an HTTP body");
  to.status = from.getStatus();
  in.text(from.getContains(), to.contains, "the text that a check looks for");
}

static void read(Reading& in, AdbCheck::Reader from, muster::AdbCheck& to) {
  in.text(from.getSerial(), to.serial, "a serial number");
  in.text(from.getState(), to.state, "a state of adb");
  in.text(from.getServer(), to.server, "an adb server");
}

static void read(Reading& in, UsbCheck::Reader from, muster::UsbCheck& to) {
  in.text(from.getVendor(), to.vendor, "a USB vendor");
  in.text(from.getProduct(), to.product, "a USB product");
  in.text(from.getSerial(), to.serial, "a serial number");
  in.text(from.getSysfs(), to.sysfs, "a path of sysfs");
}

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
    case Check::PING:
      return read_member(in, from, &R::hasPing, &R::getPing, to.emplace<muster::PingCheck>(), what);
    case Check::SSH:
      return read_member(in, from, &R::hasSsh, &R::getSsh, to.emplace<muster::SshCheck>(), what);
    case Check::HTTP:
      return read_member(in, from, &R::hasHttp, &R::getHttp, to.emplace<muster::HttpCheck>(), what);
    case Check::ADB:
      return read_member(in, from, &R::hasAdb, &R::getAdb, to.emplace<muster::AdbCheck>(), what);
    case Check::USB:
      return read_member(in, from, &R::hasUsb, &R::getUsb, to.emplace<muster::UsbCheck>(), what);
  }
  in.fail_unknown("kind of check", from.which());
}

struct WriteAction {
  Action::Builder to;

  void operator()(const muster::CommandCheck& run) { write(to.initCommand(), run); }
  void operator()(const muster::SshCheck& run) { write(to.initSsh(), run); }
  void operator()(const muster::HttpCheck& run) { write(to.initHttp(), run); }
  void operator()(const muster::WaitAction& run) { to.setWait(run.duration.count()); }
  void operator()(const muster::PowerAction& run) {
    PowerAction::Builder power = to.initPower();
    put(power, &PowerAction::Builder::setRelay, run.relay);
    put(power, &PowerAction::Builder::setOperation, run.operation);
  }
  void operator()(const muster::NoopCheck&) { to.initNoop(); }
};

static void read(Reading& in, PowerAction::Reader from, muster::PowerAction& to) {
  in.text(from.getRelay(), to.relay, "the relay of an action");
  in.text(from.getOperation(), to.operation, "the operation of an action");
}

static void read(Reading& in, Action::Reader from, ActionRun& to) {
  using R = Action::Reader;
  const char* what = "what an action does";
  switch (from.which()) {
    case Action::COMMAND:
      return read_member(in, from, &R::hasCommand, &R::getCommand,
                         to.emplace<muster::CommandCheck>(), what);
    case Action::SSH:
      return read_member(in, from, &R::hasSsh, &R::getSsh, to.emplace<muster::SshCheck>(), what);
    case Action::HTTP:
      return read_member(in, from, &R::hasHttp, &R::getHttp, to.emplace<muster::HttpCheck>(), what);
    case Action::WAIT:
      return in.duration(from.getWait(), to.emplace<muster::WaitAction>().duration,
                         "how long an action waits");
    case Action::POWER:
      return read_member(in, from, &R::hasPower, &R::getPower, to.emplace<muster::PowerAction>(),
                         what);
    case Action::NOOP:
      return read_member(in, from, &R::hasNoop, &R::getNoop, to.emplace<muster::NoopCheck>(), what);
  }
  in.fail_unknown("kind of action", from.which());
}

static void write(Verifier::Builder to, const muster::Verifier& from) {
  using Builder = Verifier::Builder;
  put(to, &Builder::setTag, from.tag);
  put(to, &Builder::setDescription, from.description);
  std::visit(WriteCheck{to.initCheck()}, from.check);
  put_texts(to, &Builder::initDeps, from.deps);
  to.setTimeout(from.timeout.count());
  put(to, &Builder::setWhen, from.when);
  put(to, &Builder::setBlame, from.blame);
  put_texts(to, &Builder::initLevels, from.levels);
}

static void read(Reading& in, Verifier::Reader from, muster::Verifier& to) {
  in.text(from.getTag(), to.tag, "a verifier's tag");
  in.text(from.getDescription(), to.description, "a verifier's description");
  read_member(in, from, &Verifier::Reader::hasCheck, &Verifier::Reader::getCheck, to.check,
              "a verifier's check");
  read_texts(in, from.getDeps(), to.deps, "dependencies", kStrategyNodesMax);
  in.duration(from.getTimeout(), to.timeout, "a verifier's timeout");
  in.text(from.getWhen(), to.when, "the selector of a verifier");
  in.text(from.getBlame(), to.blame, "whom a verifier blames");
  read_texts(in, from.getLevels(), to.levels, "levels of a verifier", kStrategyNodesMax);
}

static void write(RepairAction::Builder to, const RepairActionSpec& from) {
  using Builder = RepairAction::Builder;
  put(to, &Builder::setTag, from.tag);
  put(to, &Builder::setDescription, from.description);
  std::visit(WriteAction{to.initWhat()}, from.run);
  put_texts(to, &Builder::initDeps, from.deps);
  put_texts(to, &Builder::initTriggers, from.triggers);
  to.setTimeout(from.timeout.count());
  put(to, &Builder::setWhen, from.when);
  to.setThenWait(from.then_wait.count());
  to.setAttempts(from.attempts);
  to.setPerDay(from.per_day);
}

static void read(Reading& in, RepairAction::Reader from, RepairActionSpec& to) {
  in.text(from.getTag(), to.tag, "a repair action's tag");
  in.text(from.getDescription(), to.description, "a repair action's description");
  if (from.hasWhat()) {
    read(in, from.getWhat(), to.run);
  } else {
    read_texts(in, from.getRun(), to.run.emplace<muster::CommandCheck>().argv, "arguments");
  }
  read_texts(in, from.getDeps(), to.deps, "dependencies", kStrategyNodesMax);
  read_texts(in, from.getTriggers(), to.triggers, "triggers", kStrategyNodesMax);
  in.duration(from.getTimeout(), to.timeout, "a repair action's timeout");
  in.text(from.getWhen(), to.when, "the selector of a repair action");
  in.duration(from.getThenWait(), to.then_wait, "the wait after a repair action");
  to.attempts = from.getAttempts();
  to.per_day = from.getPerDay();
}

static void write(FinallyAction::Builder to, const FinallySpec& from) {
  using Builder = FinallyAction::Builder;
  put(to, &Builder::setTag, from.tag);
  put(to, &Builder::setDescription, from.description);
  std::visit(WriteAction{to.initWhat()}, from.run);
  to.setWhen(to_wire<FinallyWhen>(from.when));
  to.setTimeout(from.timeout.count());
}

static void read(Reading& in, FinallyAction::Reader from, FinallySpec& to) {
  using R = FinallyAction::Reader;
  in.text(from.getTag(), to.tag, "a closing action's tag");
  in.text(from.getDescription(), to.description, "a closing action's description");
  read_member(in, from, &R::hasWhat, &R::getWhat, to.run, "what a closing action does");
  in.enumerant(from.getWhen(), muster::FinallyWhen::passed, to.when, "when of a closing action");
  in.duration(from.getTimeout(), to.timeout, "a closing action's timeout");
}

static void write(Strategy::Builder to, const muster::Strategy& from) {
  using Builder = Strategy::Builder;
  put(to, &Builder::setName, from.name);
  put(to, &Builder::setForSelector, from.for_selector);
  put_list(to, &Builder::initVerifiers, from.verifiers);
  put_list(to, &Builder::initActions, from.actions);
  put_list(to, &Builder::initClosing, from.closing);
  to.setTotal(from.total.count());
}

static void read(Reading& in, Strategy::Reader from, muster::Strategy& to) {
  in.text(from.getName(), to.name, "the strategy's name");
  in.text(from.getForSelector(), to.for_selector, "the strategy's selector");
  read_list(in, from.getVerifiers(), to.verifiers, "verifiers", kStrategyNodesMax);
  read_list(in, from.getActions(), to.actions, "repair actions", kStrategyNodesMax);
  read_list(in, from.getClosing(), to.closing, "closing actions", kStrategyNodesMax);
  in.duration(from.getTotal(), to.total, "the longest duration of a repair");
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
