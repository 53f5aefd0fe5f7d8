// muster worker drain and resume, broker drain and resume.
#include "cli/parse_kit.h"

namespace muster {

void add_drain_verbs(Parse& parse, CLI::App* group, bool of_workers) {
  for (const bool resume : {false, true}) {
    const std::string name = resume ? "resume" : "drain";
    const std::string description =
        resume ? (of_workers ? "Let workers take work again" : "Let the broker take work again")
        : of_workers ? "Give workers nothing new; what they hold goes on to its end"
                     : "Take no new tasks and lease none; what runs goes on to its end";
    const std::string example =
        of_workers ? "  muster worker " + name + " rack3-b" +
                         (resume ? "" : " --reason 'new disk' --wait 1h")
                   : "  muster broker " + name + (resume ? "" : " --reason upgrade --wait 0");
    auto [verb, options] = add_verb<DrainOptions>(parse, group, name, description, example);
    options->resume = resume;
    if (of_workers) {
      add_words(verb, "WORKER", &options->workers, "Names of workers")->required();
    }
    add_text(verb, "--reason", &options->reason, "TEXT", "Why, for those who wonder later");
    if (resume) continue;
    add_duration(verb, "--wait", &options->wait,
                 "Wait until nothing is held any more, so long at most (0: as long as it takes)");
  }
}

}  // namespace muster
