#include "tests/tidy/rules.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <sstream>

namespace muster::tidy {
namespace {

// Every floor may include itself and those with a lower number; equal ones never each other.
const std::map<std::string, int, std::less<>> kFloors = {
    {"schemas", 0}, {"sql", 0},     {"json", 0},       {"core", 1}, {"io", 2},
    {"broker", 3},  {"workers", 3}, {"collectors", 3}, {"cli", 3},  {"tests", 4}};

// A library's headers, and the only files (by the beginning of their path) that may name them.
struct Outside {
  std::string_view header;  // beginning of the include's target
  std::vector<std::string_view> only;
};
const std::vector<Outside> kOutside = {
    {"capnp/", {"io/codec"}},
    {"kj/", {"io/codec", "tests/tidy/kj_for_clang.h"}},
    {"schemas/", {"io/codec"}},
    {"zmq", {"io/socket", "tests/bench/crowd/"}},
    {"yaml-cpp/", {"io/yaml"}},
    {"expat.h", {"io/xml"}},
    {"CLI/", {"cli/"}},
    {"curl/", {"io/http", "workers/checks/http", "tests/bench/bench_sinks"}},
    {"httplib.h", {"collectors/http_server", "collectors/http_connection", "tests/"}},
    {"openssl/", {"io/sha256"}},
    {"zlib.h", {"io/gzip"}},
    {"lz4", {"io/lz4"}},
    {"mysql.h", {"io/mariadb_store", "tests/"}},
    {"errmsg.h", {"io/mariadb_store"}},
    {"mysqld_error.h", {"io/mariadb_store"}},
    {"hiredis/", {"tests/bench/peers/client_redis"}},
    {"amqp", {"tests/bench/peers/client_rabbitmq"}},
    {"nats/", {"tests/bench/peers/client_nats"}},
    {"sqlite3.h", {"io/sqlite", "io/event_log_sqlite", "collectors/", "workers/spool", "tests/"}},
};

// What makes an answer depend on anything but the arguments.
const std::set<std::string, std::less<>> kImpureHeaders = {
    "thread",        "mutex",         "shared_mutex", "condition_variable",
    "future",        "atomic",        "fstream",      "iostream",
    "sstream",       "ostream",       "istream",      "iomanip",
    "random",        "ctime",         "time.h",       "filesystem",
    "unordered_map", "unordered_set", "cstdio",       "stop_token",
    "semaphore",     "latch",         "barrier",      "locale"};
// The one wrapper of unordered containers: it has no iteration.
constexpr std::string_view kLookupMap = "core/lookup_map.h";

constexpr std::array<std::string_view, 5> kImpureCode = {"::now()", "std::rand(", "std::time(",
                                                         "getenv(", "thread_local"};

std::string top_of(std::string_view path) { return std::string(path.substr(0, path.find('/'))); }

bool is_cpp(std::string_view path) { return path.ends_with(".cc") || path.ends_with(".h"); }

void add(Problems& problems, const Source& source, size_t line, std::string text) {
  problems.push_back({source.path, line, std::move(text)});
}

// Reports every line that holds one of `words`, as code or anywhere.
template <typename Words>
void ban(const Source& source, const std::vector<std::string>& lines, const Words& words,
         std::string_view reason, Problems& problems) {
  for (size_t i = 0; i < lines.size(); ++i) {
    for (const std::string_view word : words) {
      if (lines[i].find(word) == std::string::npos) continue;
      add(problems, source, i + 1, "\"" + std::string(word) + "\" " + std::string(reason));
    }
  }
}

}  // namespace

Allowed Allowed::parse(const std::string& text, Problems& problems) {
  Allowed allowed;
  std::istringstream lines(text);
  std::string line;
  for (size_t number = 1; std::getline(lines, line); ++number) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream words(line);
    std::string name;
    std::string reason;
    size_t length = 0;
    if (words >> name >> length >> reason) {
      allowed.lengths_[name] = length;
    } else {
      problems.push_back({"tests/tidy/allowed.txt", number, "is not NAME LINES reason"});
    }
  }
  return allowed;
}

void Allowed::judge(const Source& source, const std::string& name, size_t line, size_t length,
                    size_t max, Problems& problems) {
  const auto entry = lengths_.find(name);
  if (entry == lengths_.end()) {
    if (length <= max) return;
    add(problems, source, line,
        name + " has " + std::to_string(length) + " lines, " + std::to_string(max) +
            " are allowed: divide it");
    return;
  }
  used_.insert(name);
  if (length > entry->second) {
    add(problems, source, line,
        name + " grew to " + std::to_string(length) + " lines; tests/tidy/allowed.txt says " +
            std::to_string(entry->second) + ", and that may only shrink");
  } else if (length <= max) {
    add(problems, source, line,
        name + " is short enough now: remove it from tests/tidy/allowed.txt");
  } else if (length < entry->second) {
    add(problems, source, line,
        name + " shrank to " + std::to_string(length) + " lines: say so in tests/tidy/allowed.txt");
  }
}

void Allowed::report_unused(Problems& problems) const {
  for (const auto& [name, length] : lengths_) {
    if (used_.contains(name)) continue;
    problems.push_back({"tests/tidy/allowed.txt", 0, name + " does not exist any more: remove it"});
  }
}

void check_floors(const Source& source, Problems& problems) {
  const auto own = kFloors.find(top_of(source.path));
  if (own == kFloors.end()) return;
  for (const Include& include : find_includes(source)) {
    if (!include.quoted) continue;
    const auto other = kFloors.find(top_of(include.target));
    if (other == kFloors.end()) {
      add(problems, source, include.line,
          "\"" + include.target + "\" is not a path from the root of the tree");
    } else if (other->first != own->first && other->second >= own->second) {
      add(problems, source, include.line,
          own->first + " may not include " + other->first +
              ": schemas < core < io < {broker, workers, collectors, cli} < tests");
    }
  }
}

void check_outside_headers(const Source& source, Problems& problems) {
  for (const Include& include : find_includes(source)) {
    for (const Outside& outside : kOutside) {
      if (!include.target.starts_with(outside.header)) continue;
      const bool may = std::any_of(
          outside.only.begin(), outside.only.end(),
          [&](std::string_view beginning) { return source.path.starts_with(beginning); });
      if (!may) {
        add(problems, source, include.line,
            "only " + std::string(outside.only.front()) + "* may include <" + include.target + ">");
      }
    }
    if (include.target == "nlohmann/json.hpp" && source.path.ends_with(".h")) {
      add(problems, source, include.line, "slow to compile: include it in a .cc file only");
    }
  }
}

void check_core_is_pure(const Source& source, Problems& problems) {
  if (top_of(source.path) != "core") return;
  for (const Include& include : find_includes(source)) {
    if (include.quoted) continue;  // check_floors sees to those
    const bool standard = include.target.find_first_of("./") == std::string::npos;
    const bool lookup = source.path == kLookupMap && include.target.starts_with("unordered_");
    if (!standard) {
      add(problems, source, include.line, "core includes the standard library only");
    } else if (kImpureHeaders.contains(include.target) && !lookup) {
      add(problems, source, include.line,
          "<" + include.target +
              "> is not for core: no clocks, threads, files, streams, randomness "
              "or unordered iteration there");
    }
  }
  ban(source, source.code_lines, kImpureCode, "makes the core depend on more than its arguments",
      problems);
}

void check_lengths(const Source& source, Allowed& allowed, Problems& problems) {
  allowed.judge(source, source.path, 0, source.lines.size(), kFileLinesMax, problems);
  if (source.path.ends_with("_test.cc")) return;  // a table of rows may be long
  for (const Function& function : find_functions(source)) {
    allowed.judge(source, source.path + ":" + function.name, function.line, function.length,
                  kFunctionLinesMax, problems);
  }
}

void check_habits(const Source& source, Problems& problems) {
  for (size_t i = 0; i < source.lines.size(); ++i) {
    const size_t todo = source.lines[i].find(
        "TO"
        "DO");
    if (todo == std::string::npos) continue;
    const std::string_view kind = std::string_view(source.lines[i]).substr(todo + 4);
    if (!kind.starts_with("(") || kind.starts_with("()")) {
      add(problems, source, i + 1,
          "a TO"
          "DO names its kind, as TO"
          "DO(perf)");
    } else if (kind.starts_with("(now)")) {
      add(problems, source, i + 1, "do it now");
    }
  }
  constexpr std::array<std::string_view, 4> kSleeps = {"sleep_for(", "sleep_until(", "usleep(",
                                                       "nanosleep("};
  if (top_of(source.path) == "tests") {
    ban(source, source.code_lines, kSleeps, "sleeps: wait for what should happen", problems);
  }
  constexpr std::array<std::string_view, 2> kSkips = {
      "GTEST_"
      "SKIP",
      "DISABLED_"};
  ban(source, source.code_lines, kSkips, "hides a test", problems);
}

void check_text(const Source& source, Problems& problems) {
  constexpr std::array<std::string_view, 6> kNotOurs = {
      "/home"
      "/",
      "/root"
      "/",
      "/work"
      "/",
      "../"
      "shared",
      "//deb"
      ".",
      "//registry"
      "."};
  ban(source, source.lines, kNotOurs, "is a path or a host of one machine", problems);
  for (size_t i = 0; i < source.lines.size(); ++i) {
    const std::string& line = source.lines[i];
    if (!line.empty() && (line.back() == ' ' || line.back() == '\t')) {
      add(problems, source, i + 1, "blanks at the end of the line");
    }
    if (line.find('\r') != std::string::npos) add(problems, source, i + 1, "carriage return");
    if (is_cpp(source.path) && line.find('\t') != std::string::npos) {
      add(problems, source, i + 1, "tab");
    }
  }
  if (!source.text.empty() && source.text.back() != '\n') {
    add(problems, source, source.lines.size(), "no newline at the end of the file");
  }
}

void check_markdown_links(const Source& source, const std::set<std::string>& files,
                          Problems& problems) {
  for (size_t i = 0; i < source.lines.size(); ++i) {
    const std::string& line = source.lines[i];
    for (size_t at = line.find("]("); at != std::string::npos; at = line.find("](", at + 1)) {
      std::string target = line.substr(at + 2, line.find(')', at) - at - 2);
      target = target.substr(0, target.find('#'));
      if (target.empty() || target.find("://") != std::string::npos) continue;
      const std::filesystem::path path =
          (std::filesystem::path(source.path).parent_path() / target).lexically_normal();
      std::string name = path.string();
      if (name.ends_with('/')) name.pop_back();
      const auto after = files.lower_bound(name);
      if (after == files.end() || (*after != name && !after->starts_with(name + "/"))) {
        add(problems, source, i + 1, "the link leads nowhere: " + target);
      }
    }
  }
}

}  // namespace muster::tidy
