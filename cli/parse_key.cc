// The verbs of keys.
#include "cli/parse_kit.h"
#include "core/access.h"
#include "core/guid.h"
#include "core/suggest.h"

namespace muster {
namespace {

Result<Role> read_role(const std::string& text) {
  if (const std::optional<Role> role = parse_role(text)) return *role;
  return Error{quote_text(text) + " is not one of submitter, worker, collector, admin" +
               suggestion(text, {"submitter", "worker", "collector", "admin"})};
}

}  // namespace

void add_key_verbs(Parse& parse) {
  CLI::App* group = add_group(parse, "key", "Keys by which tcp:// endpoints know who connects");
  {
    auto [verb, options] =
        add_verb<KeyNewOptions>(parse, group, "new", "Make a key pair in HOME/keys",
                                "  muster key new lab-1\n"
                                "  muster key new kim -o quiet");
    add_word(verb, "NAME", &options->name, "Its name; of a worker's key, the worker's")->required();
  }
  {
    auto [verb, options] = add_verb<KeyAllowOptions>(
        parse, group, "allow", "Let a key connect to this home's broker and collector",
        "  muster key allow lab-1 --role worker --lab home --pool phones\n"
        "  muster key allow 5f0c...e2 --name kim --role submitter");
    add_word(verb, "KEY", &options->key, "The name of a pair in HOME/keys, or a public key")
        ->required();
    add_text(verb, "--name", &options->name, "NAME", "The name of a public key");
    add_value<Role>(
        verb, "--role", read_role, [target = options](Role role) { target->role = role; }, "ROLE",
        "What it may: submitter, worker, collector or admin")
        ->required();
    add_list(verb, "--lab", &options->labs, "NAME", "A worker's: only of this lab (default: any)");
    add_list(verb, "--pool", &options->pools, "NAME",
             "A worker's or submitter's: only for this pool (default: any)");
  }
  {
    auto [verb, options] = add_verb<KeyRevokeOptions>(
        parse, group, "revoke", "Refuse a key from now on, also where it is connected",
        "  muster key revoke lab-1");
    add_word(verb, "NAME", &options->name, "As muster key ls shows it")->required();
  }
  add_verb<KeyListOptions>(parse, group, "ls", "Keys that may connect, and pairs in HOME/keys",
                           "  muster key ls\n"
                           "  muster key ls -o json");
}

}  // namespace muster
