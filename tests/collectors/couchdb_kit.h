// The couchdb sink, a server of its own and a script of events that go there.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "collectors/couchdb_document.h"
#include "collectors/couchdb_sink.h"
#include "tests/collectors/runner_kit.h"
#include "tests/collectors/script.h"
#include "tests/support/couchdb_server.h"
#include "tests/support/scratch.h"

namespace muster {

class CouchDbSinkTest : public ::testing::Test {
 protected:
  CouchDbOptions options() {
    CouchDbOptions options;
    options.url = server_.url();
    options.db = "events";
    options.user = CouchDbServer::kAdmin;
    options.password = CouchDbServer::kAdminPassword;
    options.cursor_file = scratch_ / "couchdb.cursor";
    options.login_pause = Duration(0);
    return options;
  }

  CouchDbSinkTest() { kit_.clock.step = 1s; }

  // Delivers the script under a SinkRunner until the answers of the source are used up.
  Journey run_script(Sink& sink, size_t answers = 1) {
    std::vector<Event> events;
    for (const SequencedEvent& at : script_) events.push_back(at.event);
    const auto answer = blocks(script_.size(), {encode_block(1, events)}, kLog);
    return run(sink, std::deque<ScriptedSource::Answer>(answers, answer), kit_);
  }

  // Ids of the events that belong in the database, and their numbers.
  std::map<std::string, uint64_t> expected_ids() const {
    std::map<std::string, uint64_t> ids;
    for (const SequencedEvent& at : script_) {
      if (!event_guid(at.event).empty()) ids[couchdb_id(kLog, at.seq)] = at.seq;
    }
    return ids;
  }

  // The database has the documents of the script's events, but for those of `missing`, and no more.
  void expect_stored(const std::set<uint64_t>& missing = {});

  Scratch scratch_;
  CouchDbServer server_{scratch_.path(), {"--user", "pusher:pw", "--max-doc", "20000"}};
  RunnerKit kit_;
  const Stop no_stop_;
  std::vector<SequencedEvent> script_ = make_script();
};

}  // namespace muster
