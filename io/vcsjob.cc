#include "io/vcsjob.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/limits.h"
#include "core/suggest.h"
#include "core/tag_choice.h"
#include "io/beneath.h"
#include "io/file.h"

namespace muster {
namespace {

const KeyTable kList = {"a .vcsjob file", {"executables"}};
const KeyTable kJob = {
    "a job", {"path", "tags", "banner", "profiles", "coverage", "duration", "dirty", "virgin"}};

// By the rights of this process; by the mode alone on kernels that cannot say it for a descriptor.
bool is_executable(int fd, const struct stat& info) {
  if (::faccessat(fd, "", X_OK, AT_EACCESS | AT_EMPTY_PATH) == 0) return true;
  return errno != EACCES && (info.st_mode & 0111) != 0;
}

// Why the file at `path` in the tree cannot be run, or nothing.
std::optional<std::string> check_executable(const std::string& dir, const std::string& path) {
  const Result<UniqueFd> fd = open_beneath(dir, path);
  if (!fd) return fd.error();
  struct stat info {};
  if (::fstat(fd->get(), &info) != 0) return "cannot read \"" + path + "\": " + errno_text(errno);
  if (!S_ISREG(info.st_mode)) return "\"" + path + "\" is not a regular file";
  if (is_executable(fd->get(), info)) return std::nullopt;
  return "\"" + path + "\" is not executable; try chmod +x";
}

// A profile of a job: a map, or a list of maps that are meant together.
bool is_profile(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::map) return true;
  return node.kind == YamlNode::Kind::list &&
         std::all_of(node.items.begin(), node.items.end(),
                     [](const YamlNode& item) { return item.kind == YamlNode::Kind::map; });
}

std::string read_profiles(const ObjectReader& entry) {
  const YamlNode* profiles = entry.list("profiles");
  if (profiles == nullptr) return {};
  for (const YamlNode& profile : profiles->items) {
    if (is_profile(profile)) continue;
    entry.scope().error(profile.at, "a profile must be a map, not " + describe(profile));
  }
  return to_json(*profiles);
}

// AVE takes null for what is not there.
YamlNode without_nulls(YamlNode node) {
  std::erase_if(node.entries,
                [](const YamlEntry& entry) { return entry.value.kind == YamlNode::Kind::null; });
  return node;
}

// A tag that no choice (core/tag_choice.h) can mean is there for people only.
void warn_of_tags(const VcsJob& job, const FileScope& scope) {
  for (const std::string& tag : job.tags) {
    const bool means_it = chosen_by_tags({tag}, {tag}) && !chosen_by_tags({}, {tag});
    if (means_it && !invalid_tag_term(tag)) continue;
    scope.warn(job.at, "no choice can mean the tag \"" + tag +
                           "\": a tag is not empty, has no comma, and does not begin with any: or "
                           "not:");
  }
}

VcsJob read_job(const YamlNode& written, const VcsJobCheck& check, const FileScope& scope) {
  const YamlNode node = without_nulls(written);
  const ObjectReader entry(node, kJob, scope);
  VcsJob job;
  job.at = node.at;
  job.path = entry.string("path", Need::required);
  job.tags = entry.strings("tags");
  warn_of_tags(job, entry.scope());
  job.banner = entry.string("banner");
  job.profiles = read_profiles(entry);
  job.coverage = entry.strings("coverage");
  const auto seconds_max =
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(kTimeoutMax).count());
  job.duration = std::chrono::seconds(entry.integer("duration", {0, seconds_max}, 0));
  job.dirty = entry.boolean("dirty", false);
  job.virgin = entry.boolean("virgin", false);
  if (job.path.empty()) return job;
  if (job.path.find('\0') != std::string::npos) {
    entry.error("path", "\"path\" has a NUL character");
    return job;
  }
  if (!check) return job;
  if (const std::optional<std::string> reason = check(job.path)) {
    entry.error("path", *reason);
  }
  return job;
}

// Reads each entry against problems of its own, so that the first of them can stay with the job.
void read_jobs(const YamlNode& list, const VcsJobCheck& check, const FileScope& scope,
               VcsJobFile& file) {
  for (const YamlNode& item : list.items) {
    FileProblems problems;
    VcsJob job = read_job(item, check, FileScope(scope.file(), problems));
    if (problems.has_errors()) {
      const auto first =
          std::find_if(problems.list().begin(), problems.list().end(),
                       [](const FileProblem& problem) { return !problem.is_warning; });
      job.broken = to_text(*first);
    }
    file.problems.add_all(problems);
    file.jobs.push_back(std::move(job));
  }
}

// `file` is unreadable until there is a list in `text`.
void read_text(std::string text, const VcsJobCheck& check, const FileScope& scope,
               VcsJobFile& file) {
  file.unreadable = true;
  const YamlNode root = parse_yaml_document(json_to_yaml(std::move(text)), scope);
  if (file.problems.has_errors()) return;
  const ObjectReader reader(root, kList, scope);
  const YamlNode* list = reader.list("executables", Need::required);
  if (list == nullptr) return;
  file.unreadable = false;
  read_jobs(*list, check, scope, file);
}

// The four hex digits at `at`, when they stand behind "\u".
std::optional<uint32_t> unicode_escape(std::string_view text, size_t at) {
  if (text.substr(at, 2) != "\\u" || text.size() < at + 6) return std::nullopt;
  uint32_t value = 0;
  const char* end = text.data() + at + 6;
  const auto [stop, error] = std::from_chars(text.data() + at + 2, end, value, 16);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

// "\U0001f600" for the pair of surrogates that begins at `at`, if there is one.
std::optional<std::string> joined_surrogates(std::string_view text, size_t at) {
  const std::optional<uint32_t> high = unicode_escape(text, at);
  if (!high || *high < 0xd800 || *high > 0xdbff) return std::nullopt;
  const std::optional<uint32_t> low = unicode_escape(text, at + 6);
  if (!low || *low < 0xdc00 || *low > 0xdfff) return std::nullopt;
  const uint32_t value = 0x10000 + ((*high - 0xd800) << 10) + (*low - 0xdc00);
  char escape[sizeof "\\U0010ffff"];
  std::snprintf(escape, sizeof escape, "\\U%08x", static_cast<unsigned>(value));
  return escape;
}

nlohmann::json json_of(const YamlNode& node) {
  using nlohmann::json;
  switch (node.kind) {
    case YamlNode::Kind::null:
      return nullptr;
    case YamlNode::Kind::list: {
      json list = json::array();
      for (const YamlNode& item : node.items) list.push_back(json_of(item));
      return list;
    }
    case YamlNode::Kind::map: {
      json map = json::object();
      for (const YamlEntry& entry : node.entries) map[entry.key] = json_of(entry.value);
      return map;
    }
    case YamlNode::Kind::scalar:
      break;
  }
  if (node.quoted) return node.text;
  json value = json::parse(node.text, nullptr, false);
  return value.is_primitive() && !value.is_discarded() ? value : json(node.text);
}

VcsJobChoice choose_by_path(const VcsJobFile& file, const TreeSource& source) {
  std::vector<std::string> paths;
  for (const VcsJob& job : file.jobs) {
    if (job.path == source.path) return {{job}, StatusCode::ok, ""};
    paths.push_back(job.path);
  }
  return {{},
          StatusCode::norun,
          file.path + " has no job with the path \"" + source.path + "\"" +
              suggestion(source.path, paths)};
}

}  // namespace

VcsJobFile load_vcsjob(const std::string& dir) {
  VcsJobFile file;
  file.path = dir + "/.vcsjob";
  const FileScope scope(file.path, file.problems);
  struct stat info {};
  if (::stat(scope.file().c_str(), &info) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
    file.missing = true;
    scope.error({}, ::stat(dir.c_str(), &info) == 0
                        ? "there is no such file, so this directory offers no jobs"
                        : "there is no such directory");
    return file;
  }
  Result<std::string> text = read_file(scope.file(), kYamlBytesMax);
  if (!text) {
    file.unreadable = true;
    scope.error_unreadable(text.error());
    return file;
  }
  read_text(
      std::move(*text), [&dir](const std::string& path) { return check_executable(dir, path); },
      scope, file);
  return file;
}

VcsJobFile parse_vcsjob(std::string text, const std::string& path, const VcsJobCheck& check) {
  VcsJobFile file;
  file.path = path;
  const FileScope scope(file.path, file.problems);
  read_text(std::move(text), check, scope, file);
  return file;
}

VcsJobChoice choose_vcsjobs(const VcsJobFile& file, const TreeSource& source) {
  if (file.missing || file.unreadable) {
    const std::vector<FileProblem>& problems = file.problems.list();
    return {{}, StatusCode::nolist, problems.empty() ? "" : to_text(problems.front())};
  }
  if (!source.path.empty()) return choose_by_path(file, source);
  VcsJobChoice choice;
  std::copy_if(file.jobs.begin(), file.jobs.end(), std::back_inserter(choice.jobs),
               [&source](const VcsJob& job) { return chosen_by_tags(job.tags, source.tags); });
  if (!choice.jobs.empty()) return choice;
  choice.status = StatusCode::norun;
  choice.message = file.path + " has no job";
  for (const std::string& term : source.tags) {
    choice.message += (term == source.tags.front() ? " with the tags " : " and ") + term;
  }
  return choice;
}

std::vector<NamedKeyTable> vcsjob_keys() { return {{"vcsjob", &kList}, {"job", &kJob}}; }

std::string json_to_yaml(std::string text) {
  std::string out;
  out.reserve(text.size());
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (in_string && text[i] == '\\' && i + 1 < text.size()) {
      if (const std::optional<std::string> joined = joined_surrogates(text, i)) {
        out += *joined;
        i += 11;
        continue;
      }
      out += text[i];
      out += text[++i];
      continue;
    }
    if (text[i] == '"') in_string = !in_string;
    out += text[i] == '\t' && !in_string ? ' ' : text[i];
  }
  return out;
}

std::string to_json(const YamlNode& node) {
  return json_of(node).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace muster
