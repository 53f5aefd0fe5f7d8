#include "io/vcsjob.h"

#include <sys/stat.h>

#include <string>
#include <vector>

#include "io/beneath.h"
#include "tests/io/scratch.h"

namespace muster {
namespace {

class VcsJobTest : public ScratchFiles {
 protected:
  VcsJobFile load(const std::string& text) const {
    write("tree/.vcsjob", text);
    return load_vcsjob(path("tree"));
  }
  std::string problems_of(const std::string& text) const {
    return without_dir(load(text).problems.to_text());
  }
  // The problems of a list with this one entry, which begins in line 1, column 18.
  std::string entry_problems(const std::string& entry) const {
    return problems_of("{\"executables\": [" + entry + "]}");
  }
};

std::vector<std::string> paths_of(const VcsJobChoice& choice) {
  std::vector<std::string> paths;
  for (const VcsJob& job : choice.jobs) paths.push_back(job.path);
  return paths;
}

TEST_F(VcsJobTest, ReadsTheFormat) {
  write_script("tree/jobs/a.sh");
  write_script("tree/b");
  const VcsJobFile file = load(
      "{\n\t\"executables\": [\n"
      "\t\t{ \"path\":\t\"jobs/a.sh\", \"tags\": [\"SMOKE\", \"x\"], \"banner\": \"One line\",\n"
      "\t\t  \"profiles\": [{\"type\": \"handset\", \"n\": 2, \"ok\": true}, [{\"type\": "
      "\"relay\"}]],\n"
      "\t\t  \"coverage\": [\"asset 1\"], \"duration\": 60, \"dirty\": true, \"virgin\": false },\n"
      "\t\t{ \"path\": \"b\", \"profiles\": null, \"coverage\": null }\n"
      "\t]\n}\n");
  EXPECT_EQ(file.problems.to_text(), "");
  EXPECT_FALSE(file.missing || file.unreadable);
  ASSERT_EQ(file.jobs.size(), 2u);
  VcsJob a;
  a.path = "jobs/a.sh";
  a.tags = {"SMOKE", "x"};
  a.banner = "One line";
  a.profiles = R"([{"n":2,"ok":true,"type":"handset"},[{"type":"relay"}]])";
  a.coverage = {"asset 1"};
  a.duration = Duration(60s);
  a.dirty = true;
  a.at = {3, 3};
  EXPECT_EQ(file.jobs[0], a);
  VcsJob b;
  b.path = "b";
  b.at = {6, 3};
  EXPECT_EQ(file.jobs[1], b);
}

TEST_F(VcsJobTest, SaysWhatIsWrongAndWhere) {
  write_script("tree/ok");
  write("tree/plain", "no script");
  struct Row {
    const char* entry;
    const char* problems;  // behind DIR/tree/.vcsjob:1:
  };
  const std::vector<Row> rows = {
      {R"({})", "18: a job needs \"path\"\n"},
      {R"("ok")", "18: a job must be a map with keys such as \"path\", not the text \"ok\"\n"},
      {R"({"path": ""})", "27: \"path\" must not be empty\n"},
      {R"({"path": ["ok"]})", "27: \"path\" must be a text, not a list\n"},
      {R"({"path": "nowhere"})", "27: cannot open \"nowhere\": No such file or directory\n"},
      {R"({"path": "plain"})", "27: \"plain\" is not executable; try chmod +x\n"},
      {R"({"path": "."})", "27: \".\" is not a regular file\n"},
      {R"({"path": "/bin/sh"})", "27: \"/bin/sh\" leads out of the tree\n"},
      {R"({"path": "../ok"})", "27: \"../ok\" leads out of the tree\n"},
      {R"({"path": "ok\u0000x"})", "27: \"path\" has a NUL character\n"},
      {R"({"path": "ok", "tags": "SMOKE"})",
       "41: \"tags\" must be a list, not the text \"SMOKE\"\n"},
      {R"({"path": "ok", "tags": [["a"]]})",
       "42: an item of \"tags\" must be a text, not a list\n"},
      {R"({"path": "ok", "duration": "60"})",
       "45: \"duration\" must be a whole number, not the text \"60\"\n"},
      {R"({"path": "ok", "duration": 1.5})",
       "45: \"duration\" must be a whole number, not \"1.5\"\n"},
      {R"({"path": "ok", "dirty": 1})", "42: \"dirty\" must be true or false, not \"1\"\n"},
      {R"({"path": "ok", "profiles": {"type": "x"}})",
       "45: \"profiles\" must be a list, not a map\n"},
      {R"({"path": "ok", "profiles": ["handset"]})",
       "46: a profile must be a map, not the text \"handset\"\n"},
      {R"({"path": "ok", "profiles": [[1]]})", "46: a profile must be a map, not a list\n"},
      {R"({"path": "ok", "tag": []})", "33: unknown key \"tag\" in a job; did you mean tags?\n"},
      {R"({"path": "ok", "path": "ok"})",
       "33: key \"path\" appears twice; the first is in line 1\n"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(entry_problems(row.entry), "DIR/tree/.vcsjob:1:" + std::string(row.problems))
        << row.entry;
  }
}

TEST_F(VcsJobTest, ABadEntryCondemnsOnlyItself) {
  write_script("tree/ok");
  const VcsJobFile file = load(
      "{\"executables\": [{\"path\": \"gone\", \"tags\": [\"A\"], \"dirty\": 3},\n"
      "{\"path\": \"ok\", \"tags\": [\"A\"]}]}");
  EXPECT_EQ(file.problems.errors(), 2u);
  ASSERT_EQ(file.jobs.size(), 2u);
  EXPECT_EQ(without_dir(file.jobs[0].broken),
            "DIR/tree/.vcsjob:1:59: \"dirty\" must be true or false, not \"3\"");
  EXPECT_EQ(file.jobs[1].broken, "");
  // It stays in what its tags select: leaving it out would look like a pass.
  EXPECT_EQ(paths_of(choose_vcsjobs(file, {"", "", {"A"}})),
            (std::vector<std::string>{"gone", "ok"}));
}

TEST_F(VcsJobTest, ListsThatAreNone) {
  struct Row {
    const char* text;
    const char* problem;
  };
  const std::vector<Row> rows = {
      {"", "DIR/tree/.vcsjob: is empty\n"},
      {"[]", "must be a map with keys such as \"executables\", not a list"},
      {"{}", "a .vcsjob file needs \"executables\""},
      {"{\"executables\": {}}", "\"executables\" must be a list, not a map"},
      {"{\"jobs\": []}", "unknown key \"jobs\""},
      {"{ \"executables\": [ { \"path\": \"printenv.sh\"", "DIR/tree/.vcsjob:1:"},
      {"{\"executables\": [\"\\ud800\"]}", "DIR/tree/.vcsjob:1:"},
      {"\xff", "not UTF-8"},
  };
  for (const Row& row : rows) {
    const VcsJobFile file = load(row.text);
    EXPECT_TRUE(file.unreadable) << row.text;
    EXPECT_FALSE(file.missing);
    EXPECT_NE(without_dir(file.problems.to_text()).find(row.problem), std::string::npos)
        << file.problems.to_text();
    EXPECT_EQ(choose_vcsjobs(file, {}).status, StatusCode::nolist);
    EXPECT_NE(choose_vcsjobs(file, {}).message, "");
  }
}

TEST(VcsJobText, ATextFromElsewhereIsReadWithoutItsTree) {
  const VcsJobFile file = parse_vcsjob(
      R"({"executables": [{"path": "../x", "tags": ["A"]}, {"path": "y", "dirty": 3}]})",
      "u@main:.vcsjob");
  EXPECT_FALSE(file.missing || file.unreadable);
  EXPECT_EQ(paths_of(choose_vcsjobs(file, {"", "", {"A"}})), std::vector<std::string>{"../x"});
  EXPECT_EQ(file.jobs[0].broken, "") << "what its file is can be seen where the tree is";
  EXPECT_NE(file.jobs[1].broken.find("u@main:.vcsjob:1:"), std::string::npos);
  EXPECT_EQ(choose_vcsjobs(parse_vcsjob("[]", "u"), {}).status, StatusCode::nolist);
  EXPECT_EQ(choose_vcsjobs(file, {"", "z", {}}).message,
            "u@main:.vcsjob has no job with the path \"z\"");
}

TEST(VcsJobText, ATagThatNobodyCanChooseIsWarnedOf) {
  const VcsJobFile file = parse_vcsjob(
      R"({"executables": [{"path": "x", "tags": ["", "A,B", "not:A", "x y", "A"]}]})", "u");
  EXPECT_EQ(file.problems.errors(), 0u);
  EXPECT_EQ(file.problems.list().size(), 3u) << file.problems.to_text();
  EXPECT_EQ(file.jobs[0].broken, "");
}

TEST_F(VcsJobTest, AMissingListIsItsOwnError) {
  write("tree/x", "");
  for (const std::string& dir : {path("tree"), path("nowhere"), path("tree/x")}) {
    const VcsJobFile file = load_vcsjob(dir);
    EXPECT_TRUE(file.missing) << dir;
    EXPECT_EQ(file.problems.errors(), 1u);
    EXPECT_EQ(choose_vcsjobs(file, {dir, "", {}}).status, StatusCode::nolist);
  }
  EXPECT_EQ(without_dir(load_vcsjob(path("tree")).problems.to_text()),
            "DIR/tree/.vcsjob: there is no such file, so this directory offers no jobs\n");
  EXPECT_EQ(without_dir(load_vcsjob(path("nowhere")).problems.to_text()),
            "DIR/nowhere/.vcsjob: there is no such directory\n");
}

TEST_F(VcsJobTest, ChoosesByPathOrByAllTags) {
  for (const char* name : {"a", "b", "c"}) write_script("tree/" + std::string(name));
  VcsJobFile file =
      load(R"({"executables": [{"path": "a", "tags": ["X", "Y"]}, {"path": "b", "tags": ["X"]},)"
           R"( {"path": "c"}]})");
  EXPECT_EQ(without_dir(file.path), "DIR/tree/.vcsjob");
  file.path = "d/.vcsjob";
  struct Row {
    TreeSource source;
    std::vector<std::string> paths;
    const char* message;
  };
  const std::vector<Row> rows = {
      {{"d", "b", {}}, {"b"}, ""},
      {{"d", "", {}}, {"a", "b", "c"}, ""},
      {{"d", "", {"X"}}, {"a", "b"}, ""},
      {{"d", "", {"Y", "X"}}, {"a"}, ""},
      {{"d", "", {"X,Y"}}, {"a"}, ""},
      {{"d", "", {"not:Y"}}, {"b", "c"}, ""},
      {{"d", "", {"X", "any:Y,Z"}}, {"a"}, ""},
      {{"d", "", {"Z"}}, {}, "d/.vcsjob has no job with the tags Z"},
      {{"d", "", {"X", "Z"}}, {}, "d/.vcsjob has no job with the tags X and Z"},
      {{"d", "", {"x"}}, {}, "d/.vcsjob has no job with the tags x"},
      {{"d", "./a", {}}, {}, "d/.vcsjob has no job with the path \"./a\""},
  };
  for (const Row& row : rows) {
    const VcsJobChoice choice = choose_vcsjobs(file, row.source);
    EXPECT_EQ(paths_of(choice), row.paths) << row.message;
    EXPECT_EQ(choice.message, row.message);
    EXPECT_EQ(choice.status, row.paths.empty() ? StatusCode::norun : StatusCode::ok);
  }
}

TEST(VcsJobText, JsonBecomesYaml) {
  struct Row {
    const char* json;
    const char* yaml;
  };
  const std::vector<Row> rows = {
      {"{\t\"a\":\t1}", "{ \"a\": 1}"},
      {"\"a\tb\"", "\"a\tb\""},
      {"\"a\\\"\tb\"", "\"a\\\"\tb\""},
      {R"("\ud83d\ude00")", R"("\U0001f600")"},
      {R"("\\ud83d\\ude00")", R"("\\ud83d\\ude00")"},
      {R"("\ud83d")", R"("\ud83d")"},
      {R"("\ud83d\u0041")", R"("\ud83d\u0041")"},
      {"\"\\", "\"\\"},
      {R"("\ud83d\ude0)", R"("\ud83d\ude0)"},
  };
  for (const Row& row : rows) EXPECT_EQ(json_to_yaml(row.json), row.yaml) << row.json;
}

// Both ways of resolving obey the same rules.
class BeneathTest : public ScratchFiles {
 protected:
  void SetUp() override {
    write("tree/in/file", "x");
    write("tree-evil/file", "x");
    write("outside", "x");
    std::filesystem::create_symlink("in/file", path("tree/link"));
    std::filesystem::create_symlink("../outside", path("tree/link-out"));
    std::filesystem::create_symlink(path("outside"), path("tree/link-absolute"));
    std::filesystem::create_symlink("..", path("tree/dir-out"));
    std::filesystem::create_symlink("loop", path("tree/loop"));
    std::filesystem::create_symlink("../tree-evil", path("tree/evil"));
  }
};

TEST_F(BeneathTest, StaysInside) {
  struct Row {
    const char* path;
    bool inside;
  };
  const std::vector<Row> rows = {
      {"in/file", true},
      {"./in/file", true},
      {"in/../in/file", true},
      {"link", true},
      {"in", true},
      {"in//file", true},
      {"", false},
      {"..", false},
      {"../tree/in/file", false},
      {"../tree-evil/file", false},
      {"../outside", false},
      {"in/../../outside", false},
      {"link-out", false},
      {"link-absolute", false},
      {"dir-out/outside", false},
      {"evil/file", false},
      {"loop", false},
      {"/etc/passwd", false},
      {"nowhere", false},
      {"in/file/x", false},
      {"//etc/passwd", false},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(open_beneath(path("tree"), row.path).ok(), row.inside) << row.path;
    EXPECT_EQ(open_beneath_by_components(path("tree"), row.path).ok(), row.inside) << row.path;
  }
  EXPECT_FALSE(open_beneath(path("nowhere"), "x").ok());
  EXPECT_FALSE(open_beneath_by_components(path("nowhere"), "x").ok());
  EXPECT_EQ(open_beneath(path("tree"), "link-out").error(), "\"link-out\" leads out of the tree");
  EXPECT_EQ(open_beneath_by_components(path("tree"), "link-out").error(),
            "\"link-out\" leads out of the tree");
}

TEST_F(BeneathTest, JobsCannotLeadOut) {
  write_script("outside");
  write("tree/.vcsjob",
        R"({"executables": [{"path": "link-out"}, {"path": "../tree-evil/file"}]})");
  const VcsJobFile file = load_vcsjob(path("tree"));
  ASSERT_EQ(file.jobs.size(), 2u);
  for (const VcsJob& job : file.jobs) {
    EXPECT_NE(job.broken.find("leads out of the tree"), std::string::npos) << job.broken;
  }
}

}  // namespace
}  // namespace muster
