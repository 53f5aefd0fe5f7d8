// The verbs of the collector's sinks.
#include <charconv>

#include "cli/parse_kit.h"

namespace muster {
namespace {

constexpr char kSinkHelp[] = "A sink, as muster sink status names it";

// Numbers of events, as words.
CLI::Option* add_seqs(CLI::App* verb, std::vector<uint64_t>* target) {
  return verb
      ->add_option_function<std::vector<std::string>>(
          "SEQ",
          [target](const std::vector<std::string>& words) {
            for (const std::string& marked : words) {
              const std::string word = without_mark(marked);
              uint64_t seq = 0;
              const auto [end, error] =
                  std::from_chars(word.data(), word.data() + word.size(), seq);
              if (error != std::errc() || end != word.data() + word.size()) {
                throw CLI::ValidationError("SEQ", "\"" + word + "\" is not a number");
              }
              target->push_back(seq);
            }
          },
          "Letters: the numbers of their events")
      ->type_name("");
}

void add_change(Parse& parse, CLI::App* group, bool drop, const std::string& description) {
  const std::string name = drop ? "drop" : "retry";
  auto [verb, options] = add_verb<SinkDeadChangeOptions>(parse, group, name, description,
                                                         "  muster sink dead " + name +
                                                             " couchdb 4711\n  muster sink dead " +
                                                             name + " couchdb --all");
  options->drop = drop;
  add_word(verb, "SINK", &options->name, kSinkHelp)->required();
  add_seqs(verb, &options->seqs);
  verb->add_flag("--all", options->all, "Every letter of the sink");
}

}  // namespace

void add_sink_verbs(Parse& parse) {
  CLI::App* group = add_group(parse, "sink", "Where the collector carries events to");
  {
    auto [verb, options] = add_verb<SinkStatusOptions>(
        parse, group, "status", "How far each sink has come, and what is wrong",
        "  muster sink status\n"
        "  muster sink status couchdb -o json");
    add_words(verb, "SINK", &options->names, "Only these (default: all)");
  }
  {
    auto [verb, options] = add_verb<SinkReplayOptions>(
        parse, group, "replay", "Deliver events again; what is there already stays once",
        "  muster sink replay couchdb --from 120000\n"
        "  muster sink replay ledger");
    add_word(verb, "SINK", &options->name, kSinkHelp)->required();
    add_number(
        verb, "--from", 1, INT64_MAX, [target = options](uint64_t n) { target->from = n; },
        "Number of the first event (default: 1)");
  }
  CLI::App* dead = group->add_subcommand("dead", "Events that a sink's place refused for good");
  dead->require_subcommand(1, 1);
  dead->footer("Examples of each: muster sink dead VERB --help");
  {
    auto [verb, options] =
        add_verb<SinkDeadListOptions>(parse, dead, "ls", "What lies there, and why",
                                      "  muster sink dead ls couchdb\n"
                                      "  muster sink dead ls couchdb -o jsonl");
    add_word(verb, "SINK", &options->name, kSinkHelp)->required();
  }
  add_change(parse, dead, false, "Try letters again; those that are taken are gone");
  add_change(parse, dead, true, "Forget letters: only a replay delivers their events");
}

}  // namespace muster
