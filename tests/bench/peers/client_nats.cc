// NATS JetStream by cnats: a work-queue stream TASKS with one durable consumer, and a stream
// RESULTS that the collector reads by an ordered consumer.
#include <nats/nats.h>

#include <deque>
#include <latch>
#include <memory>
#include <mutex>
#include <thread>

#include "tests/bench/peers/client.h"

namespace muster::bench {
namespace {

constexpr int64_t kPendingMax = 1 << 20;
constexpr int64_t kAckWaitNs = 120'000'000'000;
constexpr int64_t kUnacknowledgedMax = 100'000;
constexpr int64_t kFetchMs = 2'000;

void check(natsStatus status, const std::string& what) {
  if (status == NATS_OK) return;
  nats_PrintLastErrorStack(stderr);
  fail_client("nats: " + what + ": " + natsStatus_GetText(status));
}

// `at_once`: without waiting for more that could go along.
natsConnection* dial(uint16_t port, bool at_once) {
  natsOptions* options = nullptr;
  check(natsOptions_Create(&options), "options");
  const std::string url = "nats://127.0.0.1:" + std::to_string(port);
  check(natsOptions_SetURL(options, url.c_str()), "url");
  check(natsOptions_SetSendAsap(options, at_once), "send at once");
  check(natsOptions_SetMaxPendingMsgs(options, kPendingMax), "pending messages");
  natsConnection* connection = nullptr;
  check(natsConnection_Connect(&connection, options), "connect");
  natsOptions_Destroy(options);
  return connection;
}

jsCtx* make_jetstream(natsConnection* connection, jsOptions& options) {
  jsCtx* jetstream = nullptr;
  check(natsConnection_JetStream(&jetstream, connection, &options), "jetstream");
  return jetstream;
}

jsOptions publish_options() {
  jsOptions options;
  check(jsOptions_Init(&options), "options");
  options.PublishAsync.MaxPending = kPendingMax;
  return options;
}

void make_stream(jsCtx* jetstream, const char* name, const char* subject, jsRetentionPolicy kept) {
  jsErrCode fault{};
  // It is not there at first.
  static_cast<void>(js_DeleteStream(jetstream, name, nullptr, &fault));
  jsStreamConfig config;
  check(jsStreamConfig_Init(&config), "stream");
  config.Name = name;
  config.Subjects = &subject;
  config.SubjectsLen = 1;
  config.Storage = js_FileStorage;
  config.Retention = kept;
  check(js_AddStream(nullptr, jetstream, &config, nullptr, &fault), "add stream");
}

void make_consumer(jsCtx* jetstream, bool pull) {
  jsConsumerConfig config;
  check(jsConsumerConfig_Init(&config), "consumer");
  config.Durable = "w";
  config.AckPolicy = js_AckExplicit;
  config.AckWait = kAckWaitNs;
  config.MaxAckPending = kUnacknowledgedMax;
  config.FilterSubject = "tasks";
  if (!pull) {
    config.DeliverSubject = "deliver.w";
    config.DeliverGroup = "w";
  }
  jsErrCode fault{};
  check(js_AddConsumer(nullptr, jetstream, "TASKS", &config, nullptr, &fault), "add consumer");
}

// Answers tasks, and acknowledges each once its result is acknowledged.
class Worker {
 public:
  // Prefetches `credit` tasks and asks again when they are done; with one in flight the server
  // pushes them.
  Worker(uint16_t port, bool one_in_flight, size_t credit)
      : connection_(dial(port, one_in_flight)), credit_(static_cast<int>(credit)) {
    jsOptions options = publish_options();
    options.PublishAsync.AckHandler = on_result_stored;
    options.PublishAsync.AckHandlerClosure = this;
    jetstream_ = make_jetstream(connection_, options);
    jsSubOptions subscribe;
    check(jsSubOptions_Init(&subscribe), "options");
    subscribe.Stream = "TASKS";
    subscribe.Consumer = "w";
    subscribe.ManualAck = true;
    jsErrCode fault{};
    if (one_in_flight) {
      subscribe.Queue = "w";
      check(js_Subscribe(&subscription_, jetstream_, "tasks", on_task, this, nullptr, &subscribe,
                         &fault),
            "subscribe");
      check(natsConnection_Flush(connection_), "flush");
    } else {
      check(js_PullSubscribe(&subscription_, jetstream_, "tasks", "w", nullptr, &subscribe, &fault),
            "subscribe");
      std::thread([this] { fetch(); }).detach();
    }
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

 private:
  [[noreturn]] void fetch() {
    for (;;) {
      natsMsgList list{};
      jsErrCode fault{};
      const natsStatus status =
          natsSubscription_Fetch(&list, subscription_, credit_, kFetchMs, &fault);
      if (status == NATS_TIMEOUT) continue;
      check(status, "fetch");
      for (int i = 0; i < list.Count; ++i) {
        answer(list.Msgs[i]);
        list.Msgs[i] = nullptr;
      }
      natsMsgList_Destroy(&list);
    }
  }

  static void on_task(natsConnection*, natsSubscription*, natsMsg* task, void* self) {
    static_cast<Worker*>(self)->answer(task);
  }

  void answer(natsMsg* task) {
    make_result({natsMsg_GetData(task), static_cast<size_t>(natsMsg_GetDataLength(task))}, result_);
    {
      const std::lock_guard lock(mutex_);
      answered_.push_back(task);
    }
    check(js_PublishAsync(jetstream_, "results", result_.data(), static_cast<int>(result_.size()),
                          nullptr),
          "publish a result");
  }

  // Acknowledgements of one connection come in the order of what was published.
  static void on_result_stored(jsCtx*, natsMsg* message, jsPubAck* stored, jsPubAckErr* error,
                               void* self) {
    if (stored == nullptr) {
      const bool reason = error != nullptr && error->ErrText != nullptr;
      fail_client(std::string("nats: a result was refused: ") + (reason ? error->ErrText : "?"));
    }
    natsMsg_Destroy(message);
    static_cast<Worker*>(self)->acknowledge_first();
  }

  void acknowledge_first() {
    natsMsg* task = nullptr;
    {
      const std::lock_guard lock(mutex_);
      task = answered_.front();
      answered_.pop_front();
    }
    check(natsMsg_Ack(task, nullptr), "acknowledge");
    natsMsg_Destroy(task);
  }

  natsConnection* connection_;
  int credit_;
  jsCtx* jetstream_ = nullptr;
  natsSubscription* subscription_ = nullptr;
  std::string result_;
  std::mutex mutex_;
  std::deque<natsMsg*> answered_;
};

void on_result(natsConnection*, natsSubscription*, natsMsg* result, void* closure) {
  Work& work = *static_cast<Work*>(closure);
  work.take({natsMsg_GetData(result), static_cast<size_t>(natsMsg_GetDataLength(result))});
  work.end_batch();
  natsMsg_Destroy(result);
}

void collect(uint16_t port, bool one_in_flight, Work& work) {
  jsOptions options = publish_options();
  jsCtx* const jetstream = make_jetstream(dial(port, one_in_flight), options);
  jsSubOptions subscribe;
  check(jsSubOptions_Init(&subscribe), "options");
  subscribe.Ordered = true;
  subscribe.Stream = "RESULTS";
  jsErrCode fault{};
  natsSubscription* subscription = nullptr;
  check(js_Subscribe(&subscription, jetstream, "results", on_result, &work, nullptr, &subscribe,
                     &fault),
        "subscribe to results");
  check(natsSubscription_SetPendingLimits(subscription, -1, -1), "pending limits");
}

}  // namespace

void run_nats(const ClientOptions& options, Work& work) {
  const Load load = options.load();
  check(nats_Open(-1), "open");
  jsOptions publish = publish_options();
  jsCtx* const jetstream = make_jetstream(dial(options.port, options.one_in_flight), publish);
  make_stream(jetstream, "TASKS", "tasks", js_WorkQueuePolicy);
  make_stream(jetstream, "RESULTS", "results", js_LimitsPolicy);
  make_consumer(jetstream, /*pull=*/!options.one_in_flight);
  collect(options.port, options.one_in_flight, work);
  std::vector<std::unique_ptr<Worker>> workers;
  for (int i = 0; i < kPeerWorkers; ++i) {
    workers.push_back(std::make_unique<Worker>(options.port, options.one_in_flight, load.credit));
  }
  for (;;) {
    const size_t tasks = work.wait_for_room();
    for (size_t i = 0; i < tasks; ++i) {
      const std::string_view task = work.next_task();
      check(
          js_PublishAsync(jetstream, "tasks", task.data(), static_cast<int>(task.size()), nullptr),
          "publish");
    }
  }
}

}  // namespace muster::bench
