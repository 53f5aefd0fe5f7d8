// The verbs of what attempts leave: muster log and muster artifact.
#include "cli/parse_kit.h"
#include "core/limits.h"

namespace muster {
namespace {

constexpr char kTaskHelp[] = "Task: a GUID, a unique prefix, or last";

template <typename Options>
void add_attempt(CLI::App* verb, const std::shared_ptr<Options>& options,
                 const std::string& description) {
  add_number(
      verb, "--attempt", 1, kAttemptsMax,
      [target = options](uint64_t n) { target->attempt = static_cast<uint32_t>(n); }, description);
}

void add_log(Parse& parse) {
  auto [verb, options] =
      add_verb<LogOptions>(parse, &parse.app, "log", "Print the console log of a task",
                           "  muster log last\n"
                           "  muster log 0193a5 -f\n"
                           "  muster log last --attempt 1");
  add_word(verb, "GUID", &options->guid, kTaskHelp)->required();
  verb->add_flag("-f,--follow", options->follow, "Go on until the task has ended");
  add_attempt(verb, options, "Of this attempt (default: the newest)");
  add_number(
      verb, "--offset", 0, INT64_MAX, [target = options](uint64_t n) { target->offset = n; },
      "Leave out so many bytes at the beginning");
}

void add_pin(Parse& parse, CLI::App* group, bool pinned, const std::string& description) {
  const std::string name = pinned ? "pin" : "unpin";
  auto [verb, options] = add_verb<ArtifactPinOptions>(parse, group, name, description,
                                                      "  muster artifact " + name + " last");
  options->pinned = pinned;
  add_word(verb, "GUID", &options->guid, kTaskHelp)->required();
}

}  // namespace

void add_archive_verbs(Parse& parse) {
  add_log(parse);
  CLI::App* group = add_group(parse, "artifact", "Files that the attempts of tasks have left");
  {
    auto [verb, options] =
        add_verb<ArtifactListOptions>(parse, group, "ls", "What the archive has of a task",
                                      "  muster artifact ls last\n"
                                      "  muster artifact ls 0193a5 '*.xml' -o json");
    add_word(verb, "GUID", &options->guid, kTaskHelp)->required();
    add_word(verb, "PATTERN", &options->pattern, "Only names that match, e.g. '*.xml'");
    add_attempt(verb, options, "Of this attempt (default: all)");
  }
  {
    auto [verb, options] = add_verb<ArtifactGetOptions>(
        parse, group, "get", "Fetch files of a task, and check their digests",
        "  muster artifact get last\n"
        "  muster artifact get 0193a5 'out/*' --dir results");
    add_word(verb, "GUID", &options->guid, kTaskHelp)->required();
    add_word(verb, "PATTERN", &options->pattern, "Only names that match (default: all)");
    add_attempt(verb, options, "Of this attempt (default: the newest that has left something)");
    add_given(verb, "--dir", &options->dir, "DIR", "Where to (default: the current directory)");
  }
  add_pin(parse, group, true, "Keep what a task has left, whatever the archive's limits are");
  add_pin(parse, group, false, "Let the archive's limits have a task's files again");
}

}  // namespace muster
