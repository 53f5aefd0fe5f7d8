#include "io/yaml.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "core/limits.h"
#include "io/object_reader.h"

namespace muster {
namespace {

// The problems that `text` gives as a file named "f", one line each.
std::string problems_of(const std::string& text) {
  FileProblems problems;
  parse_yaml(text, FileScope("f", problems));
  return problems.to_text();
}

YamlNode parse_one(const std::string& text) {
  FileProblems problems;
  YamlNode node = parse_yaml_document(text, FileScope("f", problems));
  EXPECT_EQ(problems.to_text(), "") << text;
  return node;
}

TEST(Yaml, KeepsTheTextOfScalars) {
  struct Row {
    const char* text;
    const char* value;
    bool quoted;
  };
  const std::vector<Row> rows = {{"a: no", "no", false},
                                 {"a: yes", "yes", false},
                                 {"a: on", "on", false},
                                 {"a: y", "y", false},
                                 {"a: 0123", "0123", false},
                                 {"a: 1.50", "1.50", false},
                                 {"a: 1e3", "1e3", false},
                                 {"a: \"no\"", "no", true},
                                 {"a: 'it''s'", "it's", true},
                                 {"a: \"\\u00e9\\t\"", "\xc3\xa9\t", true},
                                 {"a: two words", "two words", false},
                                 {"a: |\n  x\n  y\n", "x\ny\n", true},
                                 {"a: http://h:1/x", "http://h:1/x", false},
                                 {"{\"a\":\"b\"}", "b", true},
                                 {"a: x # comment", "x", false},
                                 {"\xef\xbb\xbf"
                                  "a: x",
                                  "x", false},
                                 {"a: x\r\n", "x", false}};
  for (const Row& row : rows) {
    const YamlNode node = parse_one(row.text);
    const YamlNode* value = node.find("a");
    ASSERT_NE(value, nullptr) << row.text;
    EXPECT_EQ(value->text, row.value) << row.text;
    EXPECT_EQ(value->quoted, row.quoted) << row.text;
  }
}

TEST(Yaml, KnowsWhereEverythingStands) {
  const YamlNode node = parse_one("a: 1\nlist:\n  - x\n  - {k: v}\nempty:\nlast: z\n");
  EXPECT_EQ(node.at, (Mark{1, 1}));
  EXPECT_EQ(node.find("a")->at, (Mark{1, 4}));
  const YamlNode* list = node.find("list");
  ASSERT_EQ(list->items.size(), 2u);
  EXPECT_EQ(list->items[0].at, (Mark{3, 5}));
  EXPECT_EQ(list->items[1].at, (Mark{4, 5}));
  EXPECT_EQ(list->items[1].entries[0].at, (Mark{4, 6}));
  EXPECT_EQ(list->items[1].find("k")->at, (Mark{4, 9}));
  EXPECT_EQ(node.find("empty")->kind, YamlNode::Kind::null);
  EXPECT_EQ(node.find("empty")->at, (Mark{5, 1}));
  EXPECT_EQ(node.find("absent"), nullptr);
}

TEST(Yaml, ReadsSeveralDocuments) {
  FileProblems problems;
  const FileScope scope("f", problems);
  const std::vector<YamlNode> documents = parse_yaml("---\na: 1\n---\nb: 2\n---\n", scope);
  ASSERT_EQ(documents.size(), 3u);
  EXPECT_EQ(documents[1].find("b")->text, "2");
  EXPECT_EQ(documents[2].kind, YamlNode::Kind::null);
  EXPECT_TRUE(problems.empty());
}

TEST(Yaml, AliasesAreCopies) {
  const YamlNode node = parse_one("a: &x {k: [1, 2]}\nb: *x\nc: [*x, *x]\n");
  EXPECT_EQ(node.find("b")->find("k")->items[1].text, "2");
  EXPECT_EQ(node.find("c")->items[1].find("k")->items[0].text, "1");
}

TEST(Yaml, RefusesWithThePosition) {
  struct Row {
    const char* text;
    const char* problems;
  };
  const std::vector<Row> rows = {
      {"a: 1\nb: 2\na: 3\n", "f:3:1: key \"a\" appears twice; the first is in line 1\n"},
      {"x: {k: 1, k: 2}", "f:1:11: key \"k\" appears twice; the first is in line 1\n"},
      {"a: 1\na: 1\na: 1\n",
       "f:2:1: key \"a\" appears twice; the first is in line 1\n"
       "f:3:1: key \"a\" appears twice; the first is in line 1\n"},
      {"a: !!str 5", "f:1:4: tags such as !!str are not supported; quote the value instead\n"},
      {"a: !!set {b}", "f:1:4: tags such as !!str are not supported; quote the value instead\n"},
      {"[a, b]: 1", "f:1:1: a key must be a word, not a list or a map\n"},
      {"{a: 1}: 1", "f:1:1: a key must be a word, not a list or a map\n"},
      {"~: 1", "f:1:1: a key must be a word\n"},
      {"x: &x {a: 1}\ny:\n  <<: *x\n",
       "f:3:3: merge keys (<<) are not supported; write the values out\n"},
      {"a:\n\tb: 1\n", "f:2:3: a tab in the indentation; YAML wants spaces\n"},
      {"a:\n  b: 1\n\tc: 2\n", "f:3:1: a tab in the indentation; YAML wants spaces\n"},
      {"a: \x01", "f:1:4: a control character, which has no place in a text file\n"},
      {"a: 1\nb: \x04 c: 2", "f:2:4: a control character, which has no place in a text file\n"},
      {"a: 1\nb: \xff\n", "f:2:1: this line is not UTF-8; save the file as UTF-8\n"},
      {"a: &x [*x]", "f:1:8: this alias stands inside the value it names\n"},
      {"a: *nowhere", "f:1:4: not valid YAML: the referenced anchor is not defined\n"},
  };
  for (const Row& row : rows) EXPECT_EQ(problems_of(row.text), row.problems) << row.text;
}

TEST(Yaml, SyntaxErrorsHaveALine) {
  const std::vector<std::string> texts = {"a: [1, 2",
                                          "a: {b: 1",
                                          "a: \"x",
                                          "a: b: c",
                                          "- a\nb: 1",
                                          "a: 'x",
                                          "a: %x\n  - y\n: : :",
                                          "}",
                                          "]",
                                          "a: @x",
                                          "a: `x`",
                                          "\"a\" \"b\"",
                                          "a: \"\\q\"",
                                          "a: \"\\ud800\"",
                                          "%YAML 9.9.9\n---\na: 1"};
  for (const std::string& text : texts) {
    const std::string problems = problems_of(text);
    EXPECT_EQ(problems.find("f:"), 0u) << text << " gave " << problems;
    EXPECT_NE(problems.find("not valid YAML: "), std::string::npos) << text << problems;
    EXPECT_NE(problems.find_first_of("0123456789"), std::string::npos) << text << problems;
  }
}

TEST(Yaml, EveryPrefixAndEveryByteChangeIsSurvived) {
  const std::string text =
      "version: 1\nkind: x\nlist: [a, &b {c: d}, *b]\ntext: |\n  a\n  b\nq: \"\\u00e9\" # c\n";
  for (size_t cut = 0; cut <= text.size(); ++cut) problems_of(text.substr(0, cut));
  for (size_t at = 0; at < text.size(); ++at) {
    for (const char c : {'\0', '\t', '\n', '"', '\'', '[', '{', '}', ':', '-', '&', '*', '!', '%',
                         '\x80', '\x7f', '|', '?'}) {
      std::string changed = text;
      changed[at] = c;
      problems_of(changed);
    }
  }
}

std::string nested(size_t depth) {
  return "a: " + std::string(depth, '[') + "x" + std::string(depth, ']');
}

TEST(Yaml, Limits) {
  // The map around the lists is one level.
  EXPECT_EQ(problems_of(nested(kYamlDepthMax - 1)), "");
  EXPECT_NE(problems_of(nested(kYamlDepthMax)).find("nested deeper than 32 levels"),
            std::string::npos);
  EXPECT_NE(problems_of(std::string(100'000, '[')), "");
  EXPECT_NE(problems_of(std::string(100'000, '{')), "");

  std::string comment = "a: 1\n#" + std::string(kYamlBytesMax - 7, 'x') + "\n";
  ASSERT_EQ(comment.size(), kYamlBytesMax);
  EXPECT_EQ(problems_of(comment), "");
  comment += "\n";
  EXPECT_EQ(problems_of(comment), "f: is larger than 4 MiB\n");
}

// A list of `count` values.
std::string values(size_t count) {
  std::string text = "[";
  for (size_t i = 0; i < count; ++i) text += "1,";
  return text + "]";
}

TEST(Yaml, LimitOfValues) {
  EXPECT_EQ(problems_of(values(kYamlNodesMax - 1)), "");  // the list is one
  EXPECT_NE(problems_of(values(kYamlNodesMax)).find("more than 500000 values"), std::string::npos);
}

TEST(Yaml, AliasBombsEndEarly) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) bomb += last + ", ";
    bomb += "]\n";
  }
  EXPECT_NE(problems_of(bomb).find("values"), std::string::npos);

  std::string deep = "a0: &a0 [x]\n";
  for (int i = 1; i < 40; ++i) {
    deep += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) +
            "]\n";
  }
  EXPECT_NE(problems_of(deep).find("nested deeper"), std::string::npos);
}

// Files of the greatest size that say one thing over and over: each is read, or refused, in bounded
// time and without an end of the stack.
TEST(Yaml, FilesFullOfOneThingEndSoon) {
  constexpr std::chrono::seconds kPatience{60};  // of a machine that does much else
  for (const std::string& piece :
       {std::string("- "),        std::string("? "),      std::string("["),
        std::string("{"),         std::string("{a: "),    std::string("a: "),
        std::string("&a "),       std::string("*a "),     std::string("!!a "),
        std::string("\""),        std::string("'"),       std::string("|\n"),
        std::string("---\n"),     std::string("...\n"),   std::string("%A\n"),
        std::string("#\n"),       std::string(" "),       std::string("\n"),
        std::string("a:\n "),     std::string("- - -\n"), std::string("[a, b]: "),
        std::string("&a [*a]\n"), std::string("\\"),      std::string("a\n")}) {
    SCOPED_TRACE(piece);
    std::string text;
    while (text.size() + piece.size() <= kYamlBytesMax) text += piece;
    const auto begun = std::chrono::steady_clock::now();
    problems_of(text);
    EXPECT_LT(std::chrono::steady_clock::now() - begun, kPatience);
  }
}

TEST(Yaml, FilesFullOfBracketsAreNotTakenApart) {
  EXPECT_NE(problems_of(std::string(2 * kYamlNodesMax, '[')).find("f:1:"), std::string::npos);
  EXPECT_NE(problems_of(std::string(2 * kYamlNodesMax + 1, '[')).find("brackets and commas"),
            std::string::npos);
}

// One text of 4 MiB behind an anchor, meant again by every alias: the values are few, the bytes
// were not.
TEST(Yaml, HugeScalarsAreNotMultiplied) {
  std::string bomb = "a: &a " + std::string(kYamlBytesMax / 2, 'x') + "\nb: [";
  while (bomb.size() + 5 < kYamlBytesMax) bomb += "*a, ";
  EXPECT_NE(problems_of(bomb + "]").find("aliases"), std::string::npos);
  EXPECT_EQ(problems_of("a: &a " + std::string(1'000, 'x') + "\nb: [*a, *a]\n"), "");
}

TEST(Yaml, FilesThatCannotBeRead) {
  FileProblems problems;
  EXPECT_EQ(load_yaml_document(FileScope("/nowhere/f.yaml", problems)).kind, YamlNode::Kind::null);
  EXPECT_EQ(load_yaml_document(FileScope("/proc", problems)).kind, YamlNode::Kind::null);
  EXPECT_EQ(problems.errors(), 2u);
  EXPECT_NE(problems.to_text().find("No such file or directory"), std::string::npos);

  FileProblems empty;
  parse_yaml_document("# nothing\n", FileScope("f", empty));
  EXPECT_EQ(empty.to_text(), "f: is empty\n");
  FileProblems two;
  parse_yaml_document("a: 1\n---\nb: 2\n", FileScope("f", two));
  EXPECT_EQ(two.to_text(), "f:3:1: this file holds one document, not more\n");
}

TEST(FileProblems, AFilesTextGivesNoOrdersToTheTerminal) {
  FileProblems problems;
  parse_yaml("\"\\e[2Ja\\nb\": 1\n\"\\e[2Ja\\nb\": 2\n", FileScope("f\x1b.yaml", problems));
  EXPECT_EQ(
      problems.to_text(),
      "f\\u{1b}.yaml:2:1: key \"\\u{1b}[2Ja\\u{0a}b\" appears twice; the first is in line 1\n");
}

TEST(FileProblems, AreCountedPerFile) {
  FileProblems problems;
  for (size_t i = 0; i < kErrorsPerFileMax + 2; ++i) problems.add({"a", {1, 1}, "wrong", false});
  problems.add({"b", {}, "odd", true});
  FileProblems all;
  all.add({"c", {2, 3}, "bad", false});
  all.add_all(problems);
  EXPECT_EQ(all.errors(), kErrorsPerFileMax + 3);
  EXPECT_EQ(all.list().size(), kErrorsPerFileMax + 2);
  const std::string text = all.to_text();
  EXPECT_EQ(text.find("c:2:3: bad\na:1:1: wrong\n"), 0u);
  EXPECT_NE(text.find("b: warning: odd\nand 2 more\n"), std::string::npos);
}

TEST(FileScope, ResolvesAgainstTheFilesFolder) {
  FileProblems problems;
  const FileScope scope("/lab/files/inventory.yaml", problems);
  EXPECT_EQ(scope.resolve("a/b.yaml"), "/lab/files/a/b.yaml");
  EXPECT_EQ(scope.resolve("../b/./c/"), "/lab/b/c");
  EXPECT_EQ(scope.resolve("/etc/x"), "/etc/x");
  EXPECT_EQ(scope.resolve("."), "/lab/files");
  EXPECT_EQ(FileScope("f.yaml", problems).resolve("x").front(), '/');
}

// --- the typed reader ---

const KeyTable kThing = {
    "a thing",
    {"text", "number", "flag", "time", "list", "map", "pick", "who", "for", "run"},
    {"later"}};

// Reads every key of a thing and gives the problems.
std::string read_thing(const std::string& text) {
  FileProblems problems;
  const FileScope scope("f", problems);
  const YamlNode node = parse_yaml_document(text, scope);
  const ObjectReader thing(node, kThing, scope);
  thing.string("text", Need::required);
  thing.integer("number", {2, 5}, 3);
  thing.boolean("flag", false);
  thing.duration("time", Duration{0});
  thing.strings("list");
  thing.string_map("map");
  thing.choice("pick", {"red", "green"});
  thing.name("who", "person");
  thing.selector("for");
  thing.command("run");
  return problems.to_text();
}

TEST(ObjectReader, ReadsWhatIsRight) {
  FileProblems problems;
  const FileScope scope("/d/f", problems);
  const YamlNode node = parse_one(
      "text: no\nnumber: 5\nflag: true\ntime: 1m30s\nlist: [a, 1, no]\nmap: {k: 1.0}\n"
      "pick: green\nwho: kim\nfor: {type: [b, a], x: y}\nrun: {shell: echo hi}\n");
  const ObjectReader thing(node, kThing, scope);
  EXPECT_EQ(thing.string("text", Need::required), "no");
  EXPECT_EQ(thing.integer("number", {2, 5}, 3), 5u);
  EXPECT_TRUE(thing.boolean("flag", false));
  EXPECT_EQ(thing.duration("time", Duration{0}), Duration(90s));
  EXPECT_EQ(thing.strings("list"), (std::vector<std::string>{"a", "1", "no"}));
  EXPECT_EQ(thing.string_map("map").at("k"), "1.0");
  EXPECT_EQ(thing.choice("pick", {"red", "green"}), "green");
  EXPECT_EQ(thing.name("who", "person"), "kim");
  EXPECT_EQ(thing.selector("for"), "type in (a,b),x=y");
  EXPECT_EQ(thing.command("run"), (std::vector<std::string>{"/bin/sh", "-c", "echo hi"}));
  EXPECT_EQ(problems.to_text(), "");
}

TEST(ObjectReader, SaysWhatIsWrong) {
  struct Row {
    const char* text;
    const char* problems;  // without "f:"
  };
  const std::vector<Row> rows = {
      {"text: x\nnubmer: 3", "2:1: unknown key \"nubmer\" in a thing; did you mean number?\n"},
      {"text: x\nzzz: 3", "2:1: unknown key \"zzz\" in a thing\n"},
      {"text: x\nlater: 3",
       "2:1: \"later\" in a thing is not supported by this version of muster\n"},
      {"number: 3", "1:1: a thing needs \"text\"\n"},
      {"text: \"\"", "1:7: \"text\" must not be empty\n"},
      {"text:", "1:1: \"text\" must be a text, not nothing\n"},
      {"text: [a]", "1:7: \"text\" must be a text, not a list\n"},
      {"text: x\nnumber: no", "2:9: \"number\" must be a whole number, not \"no\"\n"},
      {"text: x\nnumber: \"3\"", "2:9: \"number\" must be a whole number, not the text \"3\"\n"},
      {"text: x\nnumber: 03", "2:9: \"number\" must be a whole number, not \"03\"\n"},
      {"text: x\nnumber: -3", "2:9: \"number\" must be a whole number, not \"-3\"\n"},
      {"text: x\nnumber: 3.5", "2:9: \"number\" must be a whole number, not \"3.5\"\n"},
      {"text: x\nnumber: 1", "2:9: \"number\" must be from 2 to 5, not 1\n"},
      {"text: x\nnumber: 6", "2:9: \"number\" must be from 2 to 5, not 6\n"},
      {"text: x\nnumber: 99999999999999999999",
       "2:9: \"number\" must be a whole number, not \"99999999999999999999\"\n"},
      {"text: x\nflag: yes", "2:7: \"flag\" must be true or false, not \"yes\"\n"},
      {"text: x\nflag: on", "2:7: \"flag\" must be true or false, not \"on\"\n"},
      {"text: x\nflag: True", "2:7: \"flag\" must be true or false, not \"True\"\n"},
      {"text: x\nflag: 1", "2:7: \"flag\" must be true or false, not \"1\"\n"},
      {"text: x\nflag: \"true\"", "2:7: \"flag\" must be true or false, not the text \"true\"\n"},
      {"text: x\nlist: a", "2:7: \"list\" must be a list, not \"a\"\n"},
      {"text: x\nlist: [[a], {b: c}, ]",
       "2:8: an item of \"list\" must be a text, not a list\n"
       "f:2:13: an item of \"list\" must be a text, not a map\n"},
      {"text: x\nmap: [a]", "2:6: \"map\" must be a map, not a list\n"},
      {"text: x\nmap: {a: [b]}", "2:10: \"a\" must be a text, not a list\n"},
      {"text: x\npick: gren",
       "2:7: \"pick\" must be one of red, green, not \"gren\"; did you mean green?\n"},
      {"text: x\nrun: ls -l",
       "2:6: a command must be a list of arguments, or {shell: TEXT}, not \"ls -l\"\n"},
      {"text: x\nrun: []", "2:6: a command needs the name of a program\n"},
      {"text: x\nrun: [\"\"]", "2:6: a command needs the name of a program\n"},
      {"text: x\nrun: {shel: x}",
       "2:7: unknown key \"shel\" in a command; did you mean shell?\n"
       "f:2:6: a command needs \"shell\"\n"},
      {"text: x\nfor: [a]",
       "2:6: a selector must be a text such as type=handset, or a map, not a list\n"},
      {"[a]", "1:1: a thing must be a map with keys such as \"text\", not a list\n"},
      {"word", "1:1: a thing must be a map with keys such as \"text\", not \"word\"\n"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(read_thing(row.text), std::string("f:") + row.problems) << row.text;
  }
}

TEST(ObjectReader, QuotesTheReasonsOfTheCore) {
  for (const char* text :
       {"text: x\ntime: soon", "text: x\ntime: 5 parsecs", "text: x\ntime: -5s",
        "text: x\ntime: 9999d", "text: x\nwho: a b", "text: x\nwho: -a", "text: x\nfor: \"a in (\"",
        "text: x\nfor: {a b: c}", "text: x\nfor: {a: {b: c}}", "text: x\nfor: {a: [[b]]}"}) {
    EXPECT_EQ(read_thing(text).find("f:2:"), 0u) << text << ": " << read_thing(text);
  }
}

TEST(ObjectReader, ReportsEverythingAtOnce) {
  const std::string problems = read_thing("nubmer: 3\nflag: yes\nlist: 5\nwho: a b\n");
  EXPECT_EQ(std::count(problems.begin(), problems.end(), '\n'), 5) << problems;
}

}  // namespace
}  // namespace muster
