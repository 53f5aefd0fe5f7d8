// YAML files that people write, read into a tree in which every value knows its line and column.
// The typed reader on top is io/object_reader.h; the formats are
// io/{strategy,inventory,task}_file.h and io/config.h.
//
// What is taken: YAML as yaml-cpp reads it, in UTF-8, without the surprises of YAML 1.1: a scalar
// stays the text that was written (`no` is the word no) until a reader asks for a type. Refused,
// with the position: keys that appear twice, keys that are not words, tags (!!str), merge keys
// (<<), tabs as indentation, control characters, and whatever is past the kYaml limits of
// core/limits.h. Nothing here throws.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace muster {

// A position in a file, from 1. Line 0 means the file as a whole.
struct Mark {
  uint32_t line = 0;
  uint32_t column = 0;
  bool operator==(const Mark&) const = default;
};

// One thing wrong with a file. A warning does not keep the file from being used.
struct FileProblem {
  std::string file;
  Mark at;
  std::string message;
  bool is_warning = false;
  bool operator==(const FileProblem&) const = default;
};

// "path:line:column: message", or "path: message" without a position; "warning: " stands before the
// message of a warning.
std::string to_text(const FileProblem& problem);

// Everything wrong with some files, in the order it was found. At most kErrorsPerFileMax problems
// are kept for one file; the rest is counted.
class FileProblems {
 public:
  void add(FileProblem problem);
  void add_all(const FileProblems& other);

  bool empty() const { return list_.empty(); }
  bool has_errors() const { return errors_ > 0; }
  size_t errors() const { return errors_; }  // the dropped ones too
  const std::vector<FileProblem>& list() const { return list_; }

  // One line each, ending in a line feed, and a last line for those that were dropped.
  std::string to_text() const;

 private:
  std::vector<FileProblem> list_;
  size_t errors_ = 0;
  size_t dropped_ = 0;
};

// Where the problems of one file go, and what paths in that file are relative to.
class FileScope {
 public:
  // `problems` must outlive the scope.
  FileScope(std::string file, FileProblems& problems);

  const std::string& file() const { return file_; }
  void error(Mark at, std::string message) const;
  void warn(Mark at, std::string message) const;
  size_t errors() const { return problems_->errors(); }
  bool has_errors() const { return problems_->has_errors(); }
  bool has_error_at(Mark at) const;
  // That the file cannot be read, with what read_file said of it.
  void error_unreadable(const std::string& reason) const;

  // `path` as an absolute, normal path; a relative one is meant relative to the file's folder.
  std::string resolve(std::string_view path) const;

 private:
  std::string file_;
  FileProblems* problems_;
};

struct YamlEntry;

// A value. An alias is a copy of what it stands for.
struct YamlNode {
  enum class Kind : uint8_t {
    null,    // nothing was written, or null or ~ without quotes
    scalar,  // `text`
    list,    // `items`
    map,     // `entries`, in the order of the file, keys unique
  };
  Kind kind = Kind::null;
  bool quoted = false;  // of a scalar: it was written in quotes or as a block
  Mark at;
  std::string text;
  std::vector<YamlNode> items;
  std::vector<YamlEntry> entries;

  // The value of `key`, or nullptr; also when this is not a map.
  const YamlNode* find(std::string_view key) const;
};

struct YamlEntry {
  std::string key;
  Mark at;
  YamlNode value;
};

// The documents of `text`. What is wrong goes to `scope`; after a syntax error only the documents
// before it are returned.
std::vector<YamlNode> parse_yaml(std::string_view text, const FileScope& scope);

// The same for a file. One that cannot be read is a problem that says why.
std::vector<YamlNode> load_yaml(const FileScope& scope);

// The single document of a text or a file, or null and a problem when there is none; more than one
// is a problem too.
YamlNode parse_yaml_document(std::string_view text, const FileScope& scope);
YamlNode load_yaml_document(const FileScope& scope);

}  // namespace muster
