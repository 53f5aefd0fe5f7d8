#include "tests/collectors/couchdb_kit.h"

#include <nlohmann/json.hpp>

namespace muster {

using nlohmann::json;

namespace {

std::set<std::string> ids_of(const std::map<std::string, json>& documents) {
  std::set<std::string> ids;
  for (const auto& [id, document] : documents) ids.insert(id);
  return ids;
}

}  // namespace

void CouchDbSinkTest::expect_stored(const std::set<uint64_t>& missing) {
  const std::map<std::string, json> documents = server_.documents("events");
  std::map<std::string, json> expected;
  for (const SequencedEvent& at : script_) {
    if (event_guid(at.event).empty() || missing.contains(at.seq)) continue;
    expected[couchdb_id(kLog, at.seq)] = json::parse(couchdb_document(kLog, at));
  }
  ASSERT_EQ(ids_of(documents), ids_of(expected));
  for (const auto& [id, document] : expected) EXPECT_EQ(documents.at(id), document);
}

}  // namespace muster
