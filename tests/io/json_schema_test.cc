// The JSON Schemas of schemas/json describe the same keys as the readers know.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "core/limits.h"
#include "io/config.h"
#include "io/file.h"
#include "io/inventory_file.h"
#include "io/strategy_file.h"
#include "io/task_file.h"
#include "io/vcsjob.h"

namespace muster {
namespace {

using nlohmann::json;

json load_schema(const std::string& name) {
  const std::string path =
      std::string(MUSTER_SOURCE_DIR) + "/schemas/json/" + name + ".schema.json";
  const Result<std::string> text = read_file(path, 1 << 20);
  if (!text.ok()) {
    ADD_FAILURE() << text.error();
    return {};
  }
  json schema = json::parse(*text, nullptr, false);
  EXPECT_FALSE(schema.is_discarded()) << path << " is not JSON";
  return schema;
}

// Every "$ref" in `value`.
void collect_references(const json& value, std::set<std::string>& references) {
  if (value.is_object() && value.contains("$ref")) references.insert(value["$ref"]);
  if (!value.is_structured()) return;
  for (const json& part : value) collect_references(part, references);
}

void expect_same_keys(const std::string& name, const std::vector<NamedKeyTable>& tables) {
  const json schema = load_schema(name);
  const json definitions = schema.value("definitions", json::object());
  for (const NamedKeyTable& table : tables) {
    ASSERT_TRUE(definitions.contains(table.name)) << name << " lacks " << table.name;
    const json& definition = definitions[table.name];
    std::set<std::string> keys;
    for (const auto& [key, value] : definition["properties"].items()) keys.insert(key);
    EXPECT_EQ(keys, std::set<std::string>(table.table->keys.begin(), table.table->keys.end()))
        << name << ": " << table.name;
    for (const json& key : definition.value("required", json::array())) {
      EXPECT_EQ(keys.count(key.get<std::string>()), 1u) << name << ": " << table.name << key;
    }
    if (table.name != "device" || name != "inventory") {  // a device's profile is free
      EXPECT_EQ(definition["additionalProperties"], false) << name << ": " << table.name;
    }
    // What the design knows and this version cannot do is not promised.
    for (const std::string& key : table.table->later) EXPECT_EQ(keys.count(key), 0u) << key;
  }
  std::set<std::string> references;
  collect_references(schema, references);
  for (const std::string& reference : references) {
    EXPECT_TRUE(definitions.contains(reference.substr(reference.rfind('/') + 1)))
        << name << ": " << reference;
  }
}

TEST(JsonSchema, NamesTheKeysOfTheReaders) {
  expect_same_keys("strategy", strategy_file_keys());
  expect_same_keys("inventory", inventory_file_keys());
  expect_same_keys("task", task_file_keys());
  expect_same_keys("config", config_keys());
  expect_same_keys("vcsjob", vcsjob_keys());
}

// The file's reader and its schema knew 1000 where the broker takes 100.
TEST(JsonSchema, QuarantineHasTheBrokersLimit) {
  const json health = load_schema("inventory")["definitions"]["health"]["properties"];
  EXPECT_EQ(health["quarantine_after"]["maximum"], kQuarantineAfterMax);
}

}  // namespace
}  // namespace muster
