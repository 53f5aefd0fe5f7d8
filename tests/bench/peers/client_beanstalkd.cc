// beanstalkd by its own protocol: a tube of tasks and a tube of results. One loop drives all
// connections, for the server sends every answer by itself and a thread for each would be woken as
// often.
//
// The commands of one connection are done in their order, so a worker that puts a result and then
// deletes the task loses nothing.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <utility>

#include "io/file.h"
#include "tests/bench/peers/client.h"

namespace muster::bench {
namespace {

constexpr std::string_view kEnd = "\r\n";

[[noreturn]] void fail(const std::string& what) { fail_client("beanstalkd: " + what); }

struct Job {
  uint64_t id = 0;
  std::string bytes;
};

class Beanstalk {
 public:
  explicit Beanstalk(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(fd_.get(), generic, sizeof address) != 0) fail("cannot connect");
    const int on = 1;
    ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }

  int fd() const { return fd_.get(); }

  void append(std::string_view command) { (out_ += command) += kEnd; }
  void append_put(std::string_view bytes) {
    append("put 1024 0 120 " + std::to_string(bytes.size()));
    append(bytes);
  }

  void send() {
    for (std::string_view left = out_; !left.empty();) {
      const ssize_t sent = ::send(fd_.get(), left.data(), left.size(), MSG_NOSIGNAL);
      if (sent < 0) fail(std::string("send: ") + std::strerror(errno));
      left.remove_prefix(static_cast<size_t>(sent));
    }
    out_.clear();
  }

  // Reads what there is, or waits for something.
  void receive() {
    in_.erase(0, read_);
    read_ = 0;
    const size_t had = in_.size();
    in_.resize(had + kReceiveBytes);
    const ssize_t got = ::recv(fd_.get(), in_.data() + had, kReceiveBytes, 0);
    if (got <= 0) fail("the server has gone");
    in_.resize(had + static_cast<size_t>(got));
  }

  // The next whole answer, without its end: the line, and into `job` what was reserved.
  bool next(std::string_view& line, Job& job) {
    const std::string_view unread = std::string_view(in_).substr(read_);
    const size_t end = unread.find(kEnd);
    if (end == std::string_view::npos) return false;
    line = unread.substr(0, end);
    size_t size = end + kEnd.size();
    if (constexpr std::string_view kReserved = "RESERVED "; line.starts_with(kReserved)) {
      const std::string_view numbers = line.substr(kReserved.size());
      size_t bytes = 0;
      const auto id = std::from_chars(numbers.data(), numbers.data() + numbers.size(), job.id);
      std::from_chars(id.ptr + 1, numbers.data() + numbers.size(), bytes);
      if (unread.size() < size + bytes + kEnd.size()) return false;
      job.bytes = unread.substr(size, bytes);
      size += bytes + kEnd.size();
    }
    read_ += size;
    return true;
  }

  // Sends `command` and waits for an answer that begins with `expected`.
  void ask(std::string_view command, std::string_view expected) {
    append(command);
    send();
    std::string_view line;
    Job job;
    while (!next(line, job)) receive();
    if (!line.starts_with(expected)) fail(std::string(command) + ": " + std::string(line));
  }

 private:
  static constexpr size_t kReceiveBytes = 1 << 16;

  UniqueFd fd_;
  std::string out_;
  std::string in_;
  size_t read_ = 0;  // of in_
};

// Jobs that an earlier client left behind stay in tubes of another name.
struct Tubes {
  std::string tasks;
  std::string results;
};

// A worker or the collector: takes up to `credit` jobs together from one tube.
class Taker {
 public:
  Taker(uint16_t port, const std::string& from, const std::string& to, size_t credit)
      : beanstalk_(port), credit_(credit) {
    beanstalk_.ask("watch " + from, "WATCHING");
    beanstalk_.ask("ignore default", "WATCHING");
    beanstalk_.ask("use " + to, "USING");
    ask_for_more();
  }

  Beanstalk& beanstalk() { return beanstalk_; }

  // Reads what there is. True when all was answered that was asked for: then `jobs` are to be ended
  // and ask_for_more() called.
  bool receive() {
    beanstalk_.receive();
    std::string_view line;
    Job job;
    while (beanstalk_.next(line, job)) {
      if (line.starts_with("RESERVED")) {
        jobs_.push_back(std::move(job));
        --asked_;
      } else if (line == "TIMED_OUT") {
        --asked_;
      } else if (!line.starts_with("INSERTED") && line != "DELETED") {
        fail("answered " + std::string(line));
      }
    }
    return asked_ == 0;
  }

  const std::vector<Job>& jobs() const { return jobs_; }

  // Sends what was appended; waits for one job when the last round found none, else takes many.
  void ask_for_more() {
    if (jobs_.empty() || credit_ == 1) {
      beanstalk_.append("reserve");
      asked_ = 1;
    } else {
      for (size_t i = 0; i < credit_; ++i) beanstalk_.append("reserve-with-timeout 0");
      asked_ = credit_;
    }
    jobs_.clear();
    beanstalk_.send();
  }

 private:
  Beanstalk beanstalk_;
  size_t credit_;
  size_t asked_ = 0;
  std::vector<Job> jobs_;
};

class Producer {
 public:
  Producer(uint16_t port, const std::string& to, size_t unanswered_max)
      : beanstalk_(port), unanswered_max_(unanswered_max) {
    beanstalk_.ask("use " + to, "USING");
  }

  int fd() const { return beanstalk_.fd(); }

  void receive() {
    beanstalk_.receive();
    std::string_view line;
    Job job;
    while (beanstalk_.next(line, job)) {
      if (!line.starts_with("INSERTED")) fail("put: " + std::string(line));
      --unanswered_;
    }
  }

  void send_some(Work& work) {
    if (unanswered_ > unanswered_max_) return;
    const size_t tasks = work.room();
    for (size_t i = 0; i < tasks; ++i) beanstalk_.append_put(work.next_task());
    unanswered_ += tasks;
    beanstalk_.send();
  }

 private:
  Beanstalk beanstalk_;
  size_t unanswered_max_;
  size_t unanswered_ = 0;
};

// Ends the jobs of a worker.
void answer(Taker& worker, std::string& result) {
  for (const Job& job : worker.jobs()) {
    make_result(job.bytes, result);
    worker.beanstalk().append_put(result);
    worker.beanstalk().append("delete " + std::to_string(job.id));
  }
  worker.ask_for_more();
}

void collect(Taker& collector, Work& work) {
  for (const Job& job : collector.jobs()) {
    work.take(job.bytes);
    collector.beanstalk().append("delete " + std::to_string(job.id));
  }
  work.end_batch();
  collector.ask_for_more();
}

}  // namespace

void run_beanstalkd(const ClientOptions& options, Work& work) {
  const Load load = options.load();
  const std::string suffix = options.one_in_flight ? "-one" : "-pipelined";
  const Tubes tubes = {"tasks" + suffix, "results" + suffix};
  std::vector<std::unique_ptr<Taker>> workers;
  std::vector<pollfd> polled;
  for (int i = 0; i < kPeerWorkers; ++i) {
    workers.push_back(
        std::make_unique<Taker>(options.port, tubes.tasks, tubes.results, load.credit));
    polled.push_back({workers.back()->beanstalk().fd(), POLLIN, 0});
  }
  Taker collector(options.port, tubes.results, tubes.tasks, load.credit);
  polled.push_back({collector.beanstalk().fd(), POLLIN, 0});
  Producer producer(options.port, tubes.tasks, 4 * load.batch);
  polled.push_back({producer.fd(), POLLIN, 0});

  std::string result;
  for (;;) {
    producer.send_some(work);
    if (::poll(polled.data(), polled.size(), -1) < 0) fail("poll");
    for (int i = 0; i < kPeerWorkers; ++i) {
      if (polled[i].revents != 0 && workers[i]->receive()) answer(*workers[i], result);
    }
    if (polled[kPeerWorkers].revents != 0 && collector.receive()) collect(collector, work);
    if (polled[kPeerWorkers + 1].revents != 0) producer.receive();
  }
}

}  // namespace muster::bench
