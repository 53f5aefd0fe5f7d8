// Redis streams by hiredis. Answers come in the order of their commands, so a task is acknowledged
// only after its result was added.
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <latch>
#include <memory>
#include <thread>

#include "tests/bench/peers/client.h"

namespace muster::bench {
namespace {

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;
using Words = std::vector<std::string_view>;

class Redis {
 public:
  explicit Redis(uint16_t port) : context_(redisConnect("127.0.0.1", port)) {
    if (context_ == nullptr || context_->err != 0) {
      fail_client(std::string("redis: ") + (context_ == nullptr ? "no memory" : context_->errstr));
    }
    const int on = 1;
    ::setsockopt(context_->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    context_->reader->maxbuf = 1 << 20;  // it frees its buffer when more than this is idle
  }
  ~Redis() { redisFree(context_); }
  Redis(const Redis&) = delete;
  Redis& operator=(const Redis&) = delete;

  void append(const Words& words) {
    texts_.clear();
    sizes_.clear();
    for (const std::string_view word : words) {
      texts_.push_back(word.data());
      sizes_.push_back(word.size());
    }
    redisAppendCommandArgv(context_, static_cast<int>(words.size()), texts_.data(), sizes_.data());
  }
  void append_add(std::string_view stream, std::string_view bytes) {
    append({"XADD", stream, "*", "d", bytes});
  }

  void send() {
    for (int all = 0; all == 0;) {
      if (redisBufferWrite(context_, &all) != REDIS_OK) fail("write");
    }
  }

  Reply read() {
    void* reply = nullptr;
    if (redisGetReply(context_, &reply) != REDIS_OK) fail("read");
    Reply owned(static_cast<redisReply*>(reply));
    if (owned->type == REDIS_REPLY_ERROR) fail_client("redis: " + std::string(owned->str));
    return owned;
  }
  void read(size_t replies) {
    for (; replies > 0; --replies) read();
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    fail_client("redis: " + what + ": " + context_->errstr);
  }

  redisContext* context_;
  std::vector<const char*> texts_;
  std::vector<size_t> sizes_;
};

std::string_view text_of(const redisReply& reply) { return {reply.str, reply.len}; }

// Of an answer to XREAD or XREADGROUP on one stream: its entries, each an id and the fields.
const redisReply& entries_of(const redisReply& answer) { return *answer.element[0]->element[1]; }
std::string_view id_of(const redisReply& entry) { return text_of(*entry.element[0]); }
std::string_view bytes_of(const redisReply& entry) {
  return text_of(*entry.element[1]->element[1]);
}

void run_worker(uint16_t port, const std::string& name, const std::string& credit,
                std::latch& ready) {
  Redis redis(port);
  std::string result;
  ready.count_down();
  for (;;) {
    redis.append(
        {"XREADGROUP", "GROUP", "g", name, "COUNT", credit, "BLOCK", "0", "STREAMS", "tasks", ">"});
    const Reply answer = redis.read();
    if (answer->type != REDIS_REPLY_ARRAY) continue;
    const redisReply& entries = entries_of(*answer);
    Words acknowledge = {"XACK", "tasks", "g"};
    for (size_t i = 0; i < entries.elements; ++i) {
      make_result(bytes_of(*entries.element[i]), result);
      redis.append_add("results", result);
      acknowledge.push_back(id_of(*entries.element[i]));
    }
    redis.append(acknowledge);
    redis.read(entries.elements + 1);
  }
}

void run_collector(uint16_t port, Work& work, std::latch& ready) {
  Redis redis(port);
  std::string last = "0";
  ready.count_down();
  for (;;) {
    redis.append({"XREAD", "COUNT", "1000", "BLOCK", "0", "STREAMS", "results", last});
    const Reply answer = redis.read();
    if (answer->type != REDIS_REPLY_ARRAY) continue;
    const redisReply& entries = entries_of(*answer);
    for (size_t i = 0; i < entries.elements; ++i) work.take(bytes_of(*entries.element[i]));
    last = id_of(*entries.element[entries.elements - 1]);
    work.end_batch();
  }
}

}  // namespace

void run_redis(const ClientOptions& options, Work& work) {
  const Load load = options.load();
  Redis producer(options.port);
  producer.append({"DEL", "tasks", "results"});
  producer.append({"XGROUP", "CREATE", "tasks", "g", "$", "MKSTREAM"});
  producer.read(2);

  std::latch ready(kPeerWorkers + 1);
  const std::string credit = std::to_string(load.credit);
  for (int i = 0; i < kPeerWorkers; ++i) {
    const std::string name = "w" + std::to_string(i);
    std::thread([&, name] { run_worker(options.port, name, credit, ready); }).detach();
  }
  std::thread([&] { run_collector(options.port, work, ready); }).detach();
  ready.wait();

  // A few batches may be on their way before the first is answered.
  const size_t unanswered_max = 4 * load.batch;
  for (size_t unanswered = 0;;) {
    const size_t tasks = work.wait_for_room();
    for (size_t i = 0; i < tasks; ++i) producer.append_add("tasks", work.next_task());
    producer.send();
    unanswered += tasks;
    for (; unanswered > unanswered_max; --unanswered) producer.read();
  }
}

}  // namespace muster::bench
