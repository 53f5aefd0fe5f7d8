// One document of a task file that stands for many tasks: `matrix` (one for each combination of
// values), `array` (one for each number) and `each_line` (one for each line of a file).
//
//   matrix: { band: [2g, 5g], image: [a, b], exclude: [{ band: 2g, image: b }] }
//   array: 1-1000                 # or a list: [1-3, 7]
//   each_line: devices.txt        # relative to the file's folder; empty lines do not count
//
// Each task is the document with "{matrix.KEY}", "{array.index}" and "{array.line}" replaced in
// every text of it, also where a number or a truth is wanted; another word in braces stays, but one
// that looks like these and is none ("{matrix.bnad}") is an error. A job is told them by its
// environment, too: MUSTER_MATRIX_KEY, MUSTER_ARRAY_INDEX, MUSTER_ARRAY_LINE. A guid or name that
// holds no such word gets one appended, so that each task has its own.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "io/object_reader.h"

namespace muster {

// "1-1000", "7", or several with commas: the numbers, in that order, no more than kArrayTasksMax.
Result<std::vector<uint64_t>> parse_array(std::string_view text);

// The lines of a file that are not empty.
Result<std::vector<std::string>> read_each_line(const std::string& path);

// What the command line adds to a file, or says of a command.
struct ArrayFlags {
  std::vector<uint64_t> indexes;   // --array; empty: not said
  std::vector<std::string> lines;  // --each-line; likewise
};

// What is replaced: "matrix.band" by "5g", "array.index" by "17".
using Words = std::map<std::string, std::string>;

// `text` with each "{word}" of `words` replaced.
std::string replace_words(const std::string& text, const Words& words);

// What is wrong with `text` whose task has `words`, as a sentence, or nothing: a "{matrix.NAME}" or
// "{array.NAME}" that is none of them. Behind "$" it is a shell's or another program's.
std::optional<std::string> unknown_word(std::string_view text, const Words& words);

// The words of each task that `flags` ask for; one empty Words when they ask for none.
std::vector<Words> array_words(const ArrayFlags& flags);

// The environment that tells a job its words.
std::map<std::string, std::string> words_environment(const Words& words);

struct TaskCell {
  YamlNode document;  // without matrix, array and each_line
  Words words;        // empty: the document stands for one task
};

// Gives every task that `document` stands for to `take`, until that says false. Problems go to
// `scope`.
void expand_document(const YamlNode& document, const FileScope& scope, const ArrayFlags& flags,
                     const std::function<bool(const TaskCell&)>& take);

}  // namespace muster
