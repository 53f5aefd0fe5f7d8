#include "io/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "core/guid.h"
#include "core/limits.h"
#include "io/file.h"

namespace muster {
namespace {

// Ends the reading of a file from within the event handler. Never leaves parse_yaml.
struct Stop {
  Mark at;
  std::string message;
};

Mark mark_of(const YAML::Mark& mark) {
  if (mark.is_null() || mark.line < 0 || mark.column < 0) return {};
  return {static_cast<uint32_t>(mark.line) + 1, static_cast<uint32_t>(mark.column) + 1};
}

// Text that aliases and anchors may make of what a file holds: they are copied, so that a long text
// behind an anchor would otherwise be there as often as it is meant.
constexpr size_t kCopiedBytesMax = 4 * kYamlBytesMax;

struct Extent {
  size_t nodes = 0;
  size_t depth = 0;
  size_t bytes = 0;  // of text and keys
};

Extent extent_of(const YamlNode& node) {
  Extent extent{1, 0, node.text.size()};
  const auto take = [&extent](const YamlNode& child) {
    const Extent inner = extent_of(child);
    extent.nodes += inner.nodes;
    extent.depth = std::max(extent.depth, inner.depth + 1);
    extent.bytes += inner.bytes;
  };
  for (const YamlNode& item : node.items) take(item);
  for (const YamlEntry& entry : node.entries) {
    extent.bytes += entry.key.size();
    take(entry.value);
  }
  return extent;
}

// Gives the lines of a text, forwards only.
class LineCursor {
 public:
  explicit LineCursor(std::string_view text) : rest_(text) {}

  // Line `line` (from 1), not before the one of the last call; empty past the end.
  std::string_view line(uint32_t line) {
    for (; line_ < line && !rest_.empty(); ++line_) {
      rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size() - 1) + 1);
    }
    return rest_.substr(0, rest_.find('\n'));
  }

 private:
  std::string_view rest_;
  uint32_t line_ = 1;
};

// Builds the tree of one document from yaml-cpp's events.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, const FileScope& scope) : scope_(scope), lines_(text) {}

  YamlNode take_root() { return std::exchange(root_, YamlNode{}); }

  // yaml-cpp begins a new document in silence where something does not belong to what stands before
  // it, as after a wrong indentation.
  void OnDocumentStart(const YAML::Mark& mark) override {
    const Mark at = mark_of(mark);
    const bool marked = at.column == 1 && lines_.line(at.line).starts_with("---");
    if (!is_first_ && !marked) {
      throw Stop{at,
                 "not valid YAML: this does not belong to what stands before it; look at the "
                 "indentation"};
    }
    is_first_ = false;
    root_ = {};
    anchors_.clear();
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node;
    node.at = mark_of(mark);
    finish(std::move(node), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    YamlNode node;
    node.kind = YamlNode::Kind::scalar;
    node.quoted = tag == "!";
    node.at = mark_of(mark);
    node.text = value;
    finish(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      throw Stop{mark_of(mark), "this alias stands inside the value it names"};
    }
    const Extent extent = extent_of(found->second);
    count_copy(mark_of(mark), extent);
    if (open_.size() + extent.depth > kYamlDepthMax) too_deep(mark);
    add(found->second);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::list);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, YamlNode::Kind::map);
  }
  void OnMapEnd() override {
    report_duplicates(open_.back().node);
    close();
  }

 private:
  // A list or map whose end has not come yet; `key` waits for its value.
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    std::optional<YamlEntry> key;
  };

  [[noreturn]] static void too_deep(const YAML::Mark& mark) {
    throw Stop{mark_of(mark), "nested deeper than " + std::to_string(kYamlDepthMax) + " levels"};
  }

  // yaml-cpp says "?" for a plain value without a tag and "!" for a quoted one.
  static void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    throw Stop{mark_of(mark), "tags such as !!str are not supported; quote the value instead"};
  }

  void count(Mark at, size_t nodes) {
    nodes_ += nodes;
    if (nodes_ <= kYamlNodesMax) return;
    throw Stop{at, "more than " + std::to_string(kYamlNodesMax) +
                       " values (aliases count as what they stand for)"};
  }

  void count_copy(Mark at, const Extent& extent) {
    count(at, extent.nodes);
    copied_bytes_ += extent.bytes;
    if (copied_bytes_ <= kCopiedBytesMax) return;
    throw Stop{at, "aliases stand for more than " + std::to_string(kCopiedBytesMax >> 20) +
                       " MiB of text; write the values out"};
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            YamlNode::Kind kind) {
    refuse_tag(mark, tag);
    count(mark_of(mark), 1);
    if (open_.size() >= kYamlDepthMax) too_deep(mark);
    if (expects_key()) throw Stop{mark_of(mark), "a key must be a word, not a list or a map"};
    Open opened;
    opened.node.kind = kind;
    opened.node.at = mark_of(mark);
    opened.anchor = anchor;
    open_.push_back(std::move(opened));
  }

  void close() {
    Open closed = std::move(open_.back());
    open_.pop_back();
    keep_anchor(closed.anchor, closed.node);
    add(std::move(closed.node));
  }

  void finish(YamlNode node, YAML::anchor_t anchor) {
    if (!expects_key()) count(node.at, 1);  // keys are bounded by the size of the file
    keep_anchor(anchor, node);
    add(std::move(node));
  }

  // The copy counts too: nested anchors would otherwise multiply memory.
  void keep_anchor(YAML::anchor_t anchor, const YamlNode& node) {
    if (anchor == 0) return;
    count_copy(node.at, extent_of(node));
    anchors_[anchor] = node;
  }

  bool expects_key() const {
    return !open_.empty() && open_.back().node.kind == YamlNode::Kind::map && !open_.back().key;
  }

  void add(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::list) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      parent.key = make_key(std::move(node));
    } else {
      // yaml-cpp puts a value that was not written at the token after it.
      if (node.kind == YamlNode::Kind::null) node.at = parent.key->at;
      parent.key->value = std::move(node);
      parent.node.entries.push_back(std::move(*parent.key));
      parent.key.reset();
    }
  }

  static YamlEntry make_key(YamlNode node) {
    if (node.kind != YamlNode::Kind::scalar) throw Stop{node.at, "a key must be a word"};
    if (node.text == "<<" && !node.quoted) {
      throw Stop{node.at, "merge keys (<<) are not supported; write the values out"};
    }
    YamlEntry entry;
    entry.key = std::move(node.text);
    entry.at = node.at;
    return entry;
  }

  void report_duplicates(const YamlNode& map) {
    std::map<std::string_view, Mark> seen;
    for (const YamlEntry& entry : map.entries) {
      const auto [first, is_new] = seen.emplace(entry.key, entry.at);
      if (is_new) continue;
      scope_.error(entry.at, "key \"" + cut_text(entry.key, kNameLengthMax) +
                                 "\" appears twice; the first is in line " +
                                 std::to_string(first->second.line));
    }
  }

  const FileScope& scope_;
  LineCursor lines_;
  bool is_first_ = true;
  YamlNode root_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  size_t nodes_ = 0;
  size_t copied_bytes_ = 0;
};

Mark mark_at(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  const auto lines = std::count(before.begin(), before.end(), '\n');
  return {static_cast<uint32_t>(lines) + 1, static_cast<uint32_t>(offset - line_start) + 1};
}

bool is_forbidden(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
}

// What yaml-cpp would misread in silence: it takes the byte 4 for the end of the file and replaces
// bytes that are not UTF-8.
bool check_bytes(std::string_view text, const FileScope& scope) {
  if (text.size() > kYamlBytesMax) {
    scope.error({}, "is larger than " + std::to_string(kYamlBytesMax >> 20) + " MiB");
    return false;
  }
  const auto forbidden = std::find_if(text.begin(), text.end(), is_forbidden);
  if (forbidden != text.end()) {
    scope.error(mark_at(text, static_cast<size_t>(forbidden - text.begin())),
                "a control character, which has no place in a text file");
    return false;
  }
  // yaml-cpp keeps all of a line's tokens until it knows whether the line is a key: of a file full
  // of brackets, a gigabyte. Each value has one at most, and one comma.
  const auto is_mark = [](char c) { return c == '[' || c == '{' || c == ','; };
  if (static_cast<size_t>(std::count_if(text.begin(), text.end(), is_mark)) > 2 * kYamlNodesMax) {
    scope.error({}, "more than " + std::to_string(2 * kYamlNodesMax) +
                        " brackets and commas: no file of ours has so many values");
    return false;
  }
  if (is_utf8(text)) return true;
  size_t line_start = 0;
  for (size_t end = 0; end < text.size(); line_start = end + 1) {
    end = std::min(text.find('\n', line_start), text.size());
    if (!is_utf8(text.substr(line_start, end - line_start))) break;
  }
  scope.error(mark_at(text, line_start), "this line is not UTF-8; save the file as UTF-8");
  return false;
}

// yaml-cpp's words for a syntax error, with advice for the commonest one.
std::string explain(const YAML::Exception& error, std::string_view text) {
  const std::string_view line = LineCursor(text).line(mark_of(error.mark).line);
  const std::string_view indentation = line.substr(0, line.find_first_not_of(" \t"));
  if (indentation.find('\t') != std::string_view::npos) {
    return "a tab in the indentation; YAML wants spaces";
  }
  return "not valid YAML: " + error.msg;
}

YamlNode only_document(std::vector<YamlNode> documents, const FileScope& scope) {
  if (documents.empty()) {
    if (!scope.has_errors()) scope.error({}, "is empty");
    return {};
  }
  if (documents.size() > 1) scope.error(documents[1].at, "this file holds one document, not more");
  return std::move(documents.front());
}

}  // namespace

std::string to_text(const FileProblem& problem) {
  std::string text = problem.file + ":";
  if (problem.at.line > 0) {
    text += std::to_string(problem.at.line) + ":" + std::to_string(problem.at.column) + ":";
  }
  text += (problem.is_warning ? " warning: " : " ") + problem.message;
  // The file's name and its keys and values are another's text: one line, and no orders to a
  // terminal.
  const std::string quoted = quote_text(text, text.size());
  return quoted.substr(1, quoted.size() - 2);
}

void FileProblems::add(FileProblem problem) {
  if (!problem.is_warning) ++errors_;
  const auto of_file = [&problem](const FileProblem& other) { return other.file == problem.file; };
  if (static_cast<size_t>(std::count_if(list_.begin(), list_.end(), of_file)) >=
      kErrorsPerFileMax) {
    ++dropped_;
    return;
  }
  list_.push_back(std::move(problem));
}

void FileProblems::add_all(const FileProblems& other) {
  const size_t errors = errors_ + other.errors_;
  for (const FileProblem& problem : other.list_) add(problem);
  dropped_ += other.dropped_;
  errors_ = errors;
}

std::string FileProblems::to_text() const {
  std::string text;
  for (const FileProblem& problem : list_) text += muster::to_text(problem) + "\n";
  if (dropped_ > 0) text += "and " + std::to_string(dropped_) + " more\n";
  return text;
}

FileScope::FileScope(std::string file, FileProblems& problems)
    : file_(std::move(file)), problems_(&problems) {}

void FileScope::error(Mark at, std::string message) const {
  problems_->add({file_, at, std::move(message), false});
}

void FileScope::warn(Mark at, std::string message) const {
  problems_->add({file_, at, std::move(message), true});
}

bool FileScope::has_error_at(Mark at) const {
  const std::vector<FileProblem>& list = problems_->list();
  return std::any_of(list.begin(), list.end(), [this, at](const FileProblem& problem) {
    return !problem.is_warning && problem.file == file_ && problem.at == at;
  });
}

std::string FileScope::resolve(std::string_view path) const {
  std::error_code ignored;
  const std::filesystem::path folder = std::filesystem::path(file_).parent_path();
  const std::filesystem::path joined = folder / std::filesystem::path(path);
  std::filesystem::path absolute = std::filesystem::absolute(joined, ignored);
  if (absolute.empty()) absolute = joined;
  std::string normal = absolute.lexically_normal().string();
  if (normal.size() > 1 && normal.back() == '/') normal.pop_back();
  return normal;
}

const YamlNode* YamlNode::find(std::string_view key) const {
  for (const YamlEntry& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

std::vector<YamlNode> parse_yaml(std::string_view text, const FileScope& scope) {
  std::vector<YamlNode> documents;
  if (!check_bytes(text, scope)) return documents;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(text, scope);
    while (parser.HandleNextDocument(builder)) documents.push_back(builder.take_root());
  } catch (const Stop& stop) {
    scope.error(stop.at, stop.message);
  } catch (const YAML::Exception& error) {
    scope.error(mark_of(error.mark), explain(error, text));
  } catch (const std::exception& error) {
    scope.error({}, std::string("cannot be read as YAML: ") + error.what());
  }
  return documents;
}

// A problem begins with the file's name; once is enough.
void FileScope::error_unreadable(const std::string& reason) const {
  const std::string prefix = "cannot read " + file_ + ": ";
  error({},
        reason.starts_with(prefix) ? "cannot be read: " + reason.substr(prefix.size()) : reason);
}

std::vector<YamlNode> load_yaml(const FileScope& scope) {
  const Result<std::string> text = read_file(scope.file(), kYamlBytesMax);
  if (!text) {
    scope.error_unreadable(text.error());
    return {};
  }
  return parse_yaml(*text, scope);
}

YamlNode parse_yaml_document(std::string_view text, const FileScope& scope) {
  return only_document(parse_yaml(text, scope), scope);
}

YamlNode load_yaml_document(const FileScope& scope) {
  return only_document(load_yaml(scope), scope);
}

}  // namespace muster
