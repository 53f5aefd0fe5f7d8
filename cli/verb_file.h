// Files that people write, read or refused: for the verbs that work with what is in them.
#pragma once

#include <string>
#include <vector>

#include "cli/session.h"

namespace muster {

struct CheckedFile {
  std::string path;
  FileProblems problems;
};

void print_problems(Output& output, const FileProblems& problems);

// Problems go to stderr for people and into the document for programs. The exit status.
int show_files(Output& output, const std::vector<CheckedFile>& files);

// Prints the file's problems on stderr; throws Failure (64) when there are errors among them.
Inventory load_inventory_or_throw(Output& output, const std::string& path);

Strategy load_strategy_or_throw(Output& output, const std::string& path);

// The same as the first, and makes it the broker's.
InventoryReply apply_inventory(Session& session, const std::string& path);

}  // namespace muster
