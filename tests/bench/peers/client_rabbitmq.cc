// RabbitMQ by librabbitmq: queues "tasks" and "results", persistent messages, publisher confirms.
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>

#include <algorithm>
#include <latch>
#include <thread>

#include "tests/bench/peers/client.h"

namespace muster::bench {
namespace {

constexpr amqp_channel_t kChannel = 1;
constexpr int kFrameBytesMax = 131072;
constexpr uint8_t kPersistent = 2;
constexpr uint16_t kResultsPrefetch = 2'000;
constexpr uint64_t kResultsAckedTogether = 256;

amqp_bytes_t bytes_of(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};
}

std::string_view text_of(amqp_bytes_t bytes) {
  return {static_cast<const char*>(bytes.bytes), bytes.len};
}

enum class Arrived : uint8_t { nothing, delivery, other };

class Rabbit {
 public:
  Rabbit(uint16_t port, bool confirms) : connection_(amqp_new_connection()) {
    amqp_socket_t* const socket = amqp_tcp_socket_new(connection_);
    if (amqp_socket_open(socket, "127.0.0.1", port) != AMQP_STATUS_OK) fail("cannot connect");
    check(amqp_login(connection_, "/", 0, kFrameBytesMax, 0, AMQP_SASL_METHOD_PLAIN, "guest",
                     "guest"),
          "login");
    amqp_channel_open(connection_, kChannel);
    check_last("channel.open");
    if (confirms) {
      amqp_confirm_select(connection_, kChannel);
      check_last("confirm.select");
    }
    properties_._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
    properties_.delivery_mode = kPersistent;
  }
  Rabbit(const Rabbit&) = delete;
  Rabbit& operator=(const Rabbit&) = delete;

  // An empty quorum queue.
  void make_queue(std::string_view name) {
    amqp_queue_delete(connection_, kChannel, bytes_of(name), 0, 0);
    check_last("queue.delete");
    amqp_table_entry_t type{};
    type.key = bytes_of("x-queue-type");
    type.value.kind = AMQP_FIELD_KIND_UTF8;
    type.value.value.bytes = bytes_of("quorum");
    const amqp_table_t arguments = {1, &type};
    amqp_queue_declare(connection_, kChannel, bytes_of(name), 0, /*durable=*/1, 0, 0, arguments);
    check_last("queue.declare");
  }

  void consume(std::string_view queue, uint16_t prefetch) {
    amqp_basic_qos(connection_, kChannel, 0, prefetch, 0);
    check_last("basic.qos");
    amqp_basic_consume(connection_, kChannel, bytes_of(queue), amqp_empty_bytes, 0, 0, 0,
                       amqp_empty_table);
    check_last("basic.consume");
  }

  void publish(std::string_view queue, std::string_view bytes) {
    if (amqp_basic_publish(connection_, kChannel, amqp_empty_bytes, bytes_of(queue), 0, 0,
                           &properties_, bytes_of(bytes)) != AMQP_STATUS_OK) {
      fail("basic.publish");
    }
  }

  // Acknowledges all deliveries up to this one.
  void acknowledge(uint64_t tag) {
    if (amqp_basic_ack(connection_, kChannel, tag, 1) != AMQP_STATUS_OK) fail("basic.ack");
  }

  // Takes what comes next; waits for it without end when there is no `timeout`.
  Arrived next(const timeval* timeout = nullptr) {
    amqp_maybe_release_buffers(connection_);
    amqp_frame_t frame;
    const int status = amqp_simple_wait_frame_noblock(connection_, &frame, timeout);
    if (status == AMQP_STATUS_TIMEOUT) return Arrived::nothing;
    if (status != AMQP_STATUS_OK) fail(amqp_error_string2(status));
    if (frame.frame_type != AMQP_FRAME_METHOD) return Arrived::other;
    switch (frame.payload.method.id) {
      case AMQP_BASIC_ACK_METHOD:
        take_confirm(*static_cast<const amqp_basic_ack_t*>(frame.payload.method.decoded));
        return Arrived::other;
      case AMQP_BASIC_DELIVER_METHOD:
        tag_ = static_cast<const amqp_basic_deliver_t*>(frame.payload.method.decoded)->delivery_tag;
        read_body(frame);
        return Arrived::delivery;
      default:
        fail("method " + std::to_string(frame.payload.method.id) + " was not expected");
    }
  }

  // Of the last delivery.
  uint64_t tag() const { return tag_; }
  const std::string& body() const { return body_; }

  // All that was published up to this number, from 1, is confirmed.
  uint64_t confirmed() const { return confirmed_; }

  bool has_more() const {
    return amqp_frames_enqueued(connection_) != 0 || amqp_data_in_buffer(connection_) != 0;
  }

 private:
  [[noreturn]] static void fail(const std::string& what) { fail_client("rabbitmq: " + what); }

  void check_last(const std::string& what) { check(amqp_get_rpc_reply(connection_), what); }

  static void check(const amqp_rpc_reply_t& reply, const std::string& what) {
    if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
    if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) {
      fail(what + ": " + amqp_error_string2(reply.library_error));
    }
    if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
      const auto* closed = static_cast<const amqp_channel_close_t*>(reply.reply.decoded);
      fail(what + ": " + std::string(text_of(closed->reply_text)));
    }
    fail(what + ": the server closed the connection");
  }

  void read_body(amqp_frame_t& frame) {
    if (amqp_simple_wait_frame(connection_, &frame) != AMQP_STATUS_OK ||
        frame.frame_type != AMQP_FRAME_HEADER) {
      fail("a delivery without a header");
    }
    const size_t size = frame.payload.properties.body_size;
    body_.clear();
    while (body_.size() < size) {
      if (amqp_simple_wait_frame(connection_, &frame) != AMQP_STATUS_OK) fail("no body");
      body_ += text_of(frame.payload.body_fragment);
    }
  }

  // Confirms may come out of order, one at a time or many at once.
  void take_confirm(const amqp_basic_ack_t& ack) {
    if (ack.multiple != 0) {
      confirmed_ = std::max(confirmed_, ack.delivery_tag);
    } else {
      early_.push_back(ack.delivery_tag);
      std::sort(early_.begin(), early_.end());
    }
    auto first_gap = early_.begin();
    for (; first_gap != early_.end() && *first_gap <= confirmed_ + 1; ++first_gap) {
      confirmed_ = std::max(confirmed_, *first_gap);
    }
    early_.erase(early_.begin(), first_gap);
  }

  amqp_connection_state_t connection_;
  amqp_basic_properties_t properties_{};
  uint64_t tag_ = 0;
  std::string body_;
  uint64_t confirmed_ = 0;
  std::vector<uint64_t> early_;  // confirms beyond the first that is missing, in order
};

void run_worker(uint16_t port, size_t credit, std::latch& ready) {
  Rabbit rabbit(port, /*confirms=*/true);
  rabbit.consume("tasks", static_cast<uint16_t>(credit));
  ready.count_down();
  std::string result;
  uint64_t acknowledged = 0;
  for (;;) {
    if (rabbit.next() == Arrived::delivery) {
      make_result(rabbit.body(), result);
      rabbit.publish("results", result);
    }
    // The n-th delivery made the n-th result.
    const uint64_t upto = std::min(rabbit.confirmed(), rabbit.tag());
    if (upto > acknowledged && (upto - acknowledged >= credit / 4 || !rabbit.has_more())) {
      rabbit.acknowledge(upto);
      acknowledged = upto;
    }
  }
}

void run_collector(uint16_t port, Work& work, std::latch& ready) {
  Rabbit rabbit(port, /*confirms=*/false);
  rabbit.consume("results", kResultsPrefetch);
  ready.count_down();
  uint64_t acknowledged = 0;
  for (;;) {
    if (rabbit.next() == Arrived::delivery) work.take(rabbit.body());
    const uint64_t fresh = rabbit.tag() - acknowledged;
    if (fresh == 0 || (fresh < kResultsAckedTogether && rabbit.has_more())) continue;
    work.end_batch();
    rabbit.acknowledge(rabbit.tag());
    acknowledged = rabbit.tag();
  }
}

}  // namespace

void run_rabbitmq(const ClientOptions& options, Work& work) {
  Rabbit producer(options.port, /*confirms=*/true);
  for (const char* queue : {"tasks", "results"}) producer.make_queue(queue);

  std::latch ready(kPeerWorkers + 1);
  const size_t credit = options.load().credit;
  for (int i = 0; i < kPeerWorkers; ++i) {
    std::thread([&] { run_worker(options.port, credit, ready); }).detach();
  }
  std::thread([&] { run_collector(options.port, work, ready); }).detach();
  ready.wait();

  for (;;) {
    const size_t tasks = work.wait_for_room();
    for (size_t i = 0; i < tasks; ++i) producer.publish("tasks", work.next_task());
    const timeval at_once{};
    while (producer.next(&at_once) != Arrived::nothing) {
    }
  }
}

}  // namespace muster::bench
