// muster_tidy: holds the tree to the rules of tests/tidy/rules.h.
//
//   muster_tidy ROOT [BUILD]      prints every problem as PATH:LINE: TEXT; exit 1 when there is
//   one.
//                                 With BUILD, every .cc must be built there
//   muster_tidy --closures ROOT   prints each .cc and the headers of ours that it reaches, a line
//                                 each: what a cache of clang-tidy's answers depends on
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>

#include "tests/tidy/rules.h"

namespace muster::tidy {
namespace {

namespace fs = std::filesystem;

// Not ours to hold to any rule: what git keeps and does not track, and inputs of the fuzzers.
const std::set<std::string> kSkipped = {".git", "build", "corpus"};
const std::set<std::string> kTextEndings = {".cc",    ".h",    ".md",   ".txt", ".cmake",
                                            ".capnp", ".yaml", ".json", ".pl",  ""};

struct Tree {
  std::set<std::string> files;            // all, relative to the root
  std::map<std::string, Source> sources;  // those with text of ours in them
};

std::string read_file(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

Tree read_tree(const fs::path& root) {
  Tree tree;
  for (auto it = fs::recursive_directory_iterator(root); it != fs::end(it); ++it) {
    // In a git worktree .git is a file.
    if (kSkipped.contains(it->path().filename().string())) {
      if (it->is_directory()) it.disable_recursion_pending();
      continue;
    }
    if (!it->is_regular_file()) continue;
    const std::string path = it->path().lexically_relative(root).generic_string();
    tree.files.insert(path);
    if (!kTextEndings.contains(it->path().extension().string())) continue;
    tree.sources.emplace(path, make_source(path, read_file(it->path())));
  }
  return tree;
}

bool is_cpp(const std::string& path) { return path.ends_with(".cc") || path.ends_with(".h"); }

// Recorded output, blanks and all.
bool is_recorded(const std::string& path) {
  return path.ends_with(".txt") &&
         (path.starts_with("tests/golden/") || path.starts_with("tests/transcripts/"));
}

// A test that nobody builds is not a test, and neither is any other source.
void check_all_built(const Tree& tree, const fs::path& root, const fs::path& build,
                     Problems& problems) {
  const std::string commands = read_file(build / "compile_commands.json");
  const fs::path absolute = fs::canonical(root);
  for (const auto& [path, source] : tree.sources) {
    if (!path.ends_with(".cc")) continue;
    if (commands.find('"' + (absolute / path).string() + '"') != std::string::npos) continue;
    problems.push_back({path, 0, "is not built: no target of CMake names it"});
  }
}

// At most one file pays for CLI11's compile time.
void check_one_cli11(const Tree& tree, Problems& problems) {
  std::string first;
  for (const auto& [path, source] : tree.sources) {
    if (!is_cpp(path)) continue;
    for (const Include& include : find_includes(source)) {
      if (!include.target.starts_with("CLI/") || path == first) continue;
      if (first.empty()) {
        first = path;
      } else {
        problems.push_back({path, include.line, "CLI11 is included by " + first + " already"});
      }
    }
  }
}

Problems check_tree(const Tree& tree) {
  Problems problems;
  const auto list = tree.sources.find("tests/tidy/allowed.txt");
  Allowed allowed = Allowed::parse(list == tree.sources.end() ? "" : list->second.text, problems);
  for (const auto& [path, source] : tree.sources) {
    if (!is_recorded(path)) check_text(source, problems);
    if (path.ends_with(".md")) check_markdown_links(source, tree.files, problems);
    if (!is_cpp(path)) continue;
    check_floors(source, problems);
    check_outside_headers(source, problems);
    check_core_is_pure(source, problems);
    check_lengths(source, allowed, problems);
    check_habits(source, problems);
  }
  allowed.report_unused(problems);
  check_one_cli11(tree, problems);
  return problems;
}

// Adds to `reached` every header of ours that `path` includes, directly or not.
void reach(const Tree& tree, const std::string& path, std::set<std::string>& reached) {
  const auto source = tree.sources.find(path);
  if (source == tree.sources.end() || !reached.insert(path).second) return;
  for (const Include& include : find_includes(source->second)) {
    if (include.quoted) reach(tree, include.target, reached);
  }
}

void print_closures(const Tree& tree) {
  for (const auto& [path, source] : tree.sources) {
    if (!path.ends_with(".cc")) continue;
    std::set<std::string> reached;
    reach(tree, path, reached);
    reached.erase(path);
    std::cout << path;
    for (const std::string& header : reached) std::cout << ' ' << header;
    std::cout << '\n';
  }
}

int run(const std::vector<std::string>& arguments) {
  if (arguments.size() == 2 && arguments[0] == "--closures") {
    print_closures(read_tree(arguments[1]));
    return 0;
  }
  if (arguments.empty() || arguments.size() > 2 || arguments[0].starts_with('-')) {
    std::cerr << "usage: muster_tidy ROOT [BUILD] | --closures ROOT\n";
    return 64;
  }
  const Tree tree = read_tree(arguments[0]);
  Problems problems = check_tree(tree);
  if (arguments.size() == 2) check_all_built(tree, arguments[0], arguments[1], problems);
  for (const Problem& problem : problems) {
    std::cout << problem.path << ':' << problem.line << ": " << problem.text << '\n';
  }
  return problems.empty() ? 0 : 1;
}

}  // namespace
}  // namespace muster::tidy

int main(int argc, char** argv) {
  return muster::tidy::run(std::vector<std::string>(argv + 1, argv + argc));
}
