// tests/data/job_documents.json: what is a job file and what is none, as its reader and its
// published schema say alike. Each task of it stands for a document of version 1 and, unless it
// says otherwise, of kind job. "reader only" are those of which JSON Schema cannot say why not.
#include <gtest/gtest.h>
#include <stdio.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/file.h"
#include "io/task_file.h"
#include "tests/io/scratch.h"

namespace muster {
namespace {

using nlohmann::json;

const std::string kData = std::string(MUSTER_SOURCE_DIR) + "/tests/data/";

struct Row {
  std::string judged;
  std::string why;
  std::string document;  // JSON, which is YAML
};

std::vector<Row> load_rows() {
  const Result<std::string> text = read_file(kData + "job_documents.json", 1 << 20);
  if (!text.ok()) {
    ADD_FAILURE() << text.error();
    return {};
  }
  std::vector<Row> rows;
  for (const json& row : json::parse(*text)) {
    json document = {{"version", 1}, {"kind", "job"}};
    document.update(row.at("task"));
    rows.push_back({row.at("judged"), row.value("why", ""), document.dump()});
  }
  return rows;
}

// What the schema that `muster job schema` prints says of each: "good", or "bad: " and why.
std::vector<std::string> judge_by_schema(const std::string& schema, const std::string& lines) {
  const std::string command =
      "python3 '" + kData + "judge_documents.py' '" + schema + "' < '" + lines + "'";
  FILE* out = ::popen(command.c_str(), "r");
  if (out == nullptr) {
    ADD_FAILURE() << command << ": " << errno_text(errno);
    return {};
  }
  std::vector<std::string> verdicts(1);
  for (int c = ::fgetc(out); c != EOF; c = ::fgetc(out)) {
    if (c == '\n') {
      verdicts.emplace_back();
    } else {
      verdicts.back() += static_cast<char>(c);
    }
  }
  EXPECT_EQ(::pclose(out), 0) << command;
  verdicts.pop_back();
  return verdicts;
}

class JobDocuments : public ScratchFiles {};

TEST_F(JobDocuments, AreJudgedAlikeByReaderAndSchema) {
  const std::vector<Row> rows = load_rows();
  std::string lines;
  for (const Row& row : rows) lines += row.document + "\n";
  const std::vector<std::string> by_schema = judge_by_schema(
      write("schema.json", std::string(task_file_schema())), write("documents", lines));
  ASSERT_EQ(by_schema.size(), rows.size());
  std::map<std::string, size_t> judged;
  for (size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    const std::string problems =
        parse_task_file(row.document, kData + "job_documents.yaml").problems.to_text();
    EXPECT_EQ(problems.empty(), row.judged == "good") << row.document << "\n" << problems;
    EXPECT_EQ(by_schema[i] == "good", row.judged != "bad") << row.document << "\n" << by_schema[i];
    EXPECT_EQ(row.why.empty(), row.judged != "reader only") << row.document;
    ++judged[row.judged];
  }
  EXPECT_GE(judged["good"], 80u);
  EXPECT_GE(judged["bad"], 120u);
  EXPECT_EQ(judged.size(), 3u);
}

}  // namespace
}  // namespace muster
