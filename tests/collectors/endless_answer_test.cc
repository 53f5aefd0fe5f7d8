// Sinks whose servers never end an answer. Each request kept 16 MiB of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/couchdb_sink.h"
#include "collectors/decibel_sink.h"
#include "tests/collectors/runner_kit.h"
#include "tests/collectors/script.h"
#include "tests/support/endless_server.h"
#include "tests/support/scratch.h"

namespace muster {
namespace {

using ::testing::HasSubstr;

// The documents were sent again and again, and the sink failed for ever.
TEST(EndlessAnswer, OfADecibelThatHasTakenTheDocumentsIsNoFault) {
  const Scratch scratch;
  const EndlessServer server([](const std::string&) { return ""; });
  DecibelOptions options;
  options.url = server.url() + "/api/test-results/v1/";
  options.kinds = {TaskKind::job, TaskKind::verify, TaskKind::repair};
  options.spool_file = scratch / "decibel.db";
  const Stop stop;
  DecibelSink sink(options, stop);
  ASSERT_TRUE(sink.open().ok());
  const std::vector<SequencedEvent> script = make_script();
  const Delivery delivery = sink.deliver(script, {kLog, script.size()});
  EXPECT_TRUE(delivery.ok()) << delivery.reason;
  EXPECT_EQ(sink.open()->cursor, script.size());
}

TEST(EndlessAnswer, OfACouchDbIsItsFault) {
  for (const bool of_bulk : {false, true}) {
    SCOPED_TRACE(of_bulk);
    const Scratch scratch;
    const EndlessServer server([&](const std::string& head) {
      const bool is_bulk = head.starts_with("POST /events/_bulk_docs");
      return of_bulk && !is_bulk
                 ? "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\n\r\n"
                   "{\"error\":\"not_found\",\"reason\":\"missing\"}"
                 : "";
    });
    CouchDbOptions options;
    options.url = server.url();
    options.db = "events";
    options.cursor_file = scratch / "couchdb.cursor";
    const Stop stop;
    CouchDbSink sink(options, stop);
    ASSERT_TRUE(sink.open().ok());
    const std::vector<SequencedEvent> script = make_script();
    const Delivery delivery = sink.deliver(script, {kLog, script.size()});
    EXPECT_EQ(delivery.fault, of_bulk ? DeliveryFault::refused : DeliveryFault::away);
    EXPECT_THAT(delivery.reason, HasSubstr(of_bulk ? "documents is longer than 2048000 bytes"
                                                   : "its answer is longer than 65536 bytes"));
    EXPECT_TRUE(delivery.refusals.empty());
    // One alone is not condemned: what stands in front of CouchDB may say that of everything.
    ASSERT_TRUE(sink.open().ok());
    EXPECT_EQ(sink.deliver(std::span(script).subspan(3, 1), {kLog, 4}).fault, DeliveryFault::away);
  }
}

}  // namespace
}  // namespace muster
