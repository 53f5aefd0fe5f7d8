// muster key: key pairs, and who may connect.
#include <algorithm>
#include <filesystem>
#include <map>

#include "cli/text.h"
#include "cli/values.h"
#include "cli/verbs.h"
#include "core/access.h"
#include "core/guid.h"
#include "core/suggest.h"
#include "io/access_edit.h"
#include "io/curve.h"
#include "io/json_writer.h"
#include "io/key_gate.h"

namespace muster {
namespace {

struct KeyInfo {
  std::string name;
  std::string key;             // public
  std::optional<Grant> grant;  // nothing: it is not allowed
  std::string file;            // of its pair; empty: it lies elsewhere
};

std::string key_json(const KeyInfo& info) {
  JsonWriter json;
  json.begin_object();
  json.text("schema", "muster.key/1");
  json.text("name", info.name);
  json.text("public", info.key);
  json.boolean("allowed", info.grant.has_value());
  if (info.grant) {
    json.text("role", to_string(info.grant->role));
    for (const auto& [name, values] :
         {std::pair("labs", &info.grant->labs), std::pair("pools", &info.grant->pools)}) {
      json.begin_array(name);
      for (const std::string& value : *values) json.text("", value);
      json.end_array();
    }
  }
  if (!info.file.empty()) json.text("file", info.file);
  json.end_object();
  return json.take();
}

std::string render_keys(const std::vector<KeyInfo>& keys, const Look& look) {
  if (keys.empty()) return "no keys; see: muster key new --help\n";
  Table table({"NAME", "ROLE", "LABS", "POOLS", "PAIR", "PUBLIC KEY"});
  for (const KeyInfo& info : keys) {
    const bool narrows = info.grant && info.grant->role == Role::worker;
    const bool pools = narrows || (info.grant && info.grant->role == Role::submitter);
    const auto names = [](const std::vector<std::string>& list) {
      return list.empty() ? std::string("any") : join(list, ",");
    };
    table.add({info.name,
               info.grant ? Cell(std::string(to_string(info.grant->role)))
                          : Cell("not allowed", Color::doubt),
               narrows ? names(info.grant->labs) : "", pools ? names(info.grant->pools) : "",
               info.file.empty() ? "" : "here", info.key});
  }
  return table.render(look);
}

AccessList list_or_throw(const Session& session) {
  Result<AccessList> list = load_access_list(session.config().keys.allowed);
  if (!list) throw Failure{kExitLocal, list.error(), "mend the file"};
  return std::move(*list);
}

// By name: what is allowed, and the pairs that lie in the home.
std::vector<KeyInfo> known_keys(const Session& session) {
  std::map<std::string, KeyInfo> by_name;
  const AccessList list = list_or_throw(session);
  for (const auto& [key, grant] : list.by_key()) {
    by_name[grant.name] = KeyInfo{grant.name, key, grant, ""};
  }
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(session.home().keys_dir(), failed)) {
    if (entry.path().extension() != ".pub") continue;
    const Result<std::string> key = load_public_key(entry.path());
    if (!key) {
      session.talk(key.error());
      continue;
    }
    const Grant* grant = list.find(*key);
    KeyInfo& info = by_name[grant != nullptr ? grant->name : entry.path().stem().string()];
    if (info.name.empty()) info = KeyInfo{entry.path().stem(), *key, std::nullopt, ""};
    if (info.key == *key) info.file = key_file(session.home(), entry.path().stem());
  }
  std::vector<KeyInfo> keys;
  for (auto& [name, info] : by_name) keys.push_back(std::move(info));
  return keys;
}

Failure local(const std::string& reason) { return {kExitLocal, reason, ""}; }

}  // namespace

int do_verb(Session& session, const KeyNewOptions& options) {
  if (const auto reason = invalid_key_name(options.name)) {
    throw Failure{kExitUsageError, *reason, ""};
  }
  const KeyPair pair = make_key_pair(options.name);
  if (const Result<Done> saved = save_key_pair(session.home().keys_dir(), pair); !saved) {
    throw local(saved.error());
  }
  const KeyInfo info{pair.name, pair.public_key, std::nullopt, key_file(session.home(), pair.name)};
  session.output().show_one(
      [&] {
        return info.key + "\n" + "The pair lies in " + info.file +
               ", for nobody else to read. Where the broker runs:\n  muster key allow " + info.key +
               " --name " + info.name + " --role ROLE\n";
      },
      [&] { return key_json(info); }, [&] { return info.key; });
  return kExitOk;
}

int do_verb(Session& session, const KeyAllowOptions& options) {
  Grant grant{options.name, options.role, options.labs, options.pools};
  std::string key = options.key;
  if (invalid_public_key(key)) {
    const std::string file = session.home().keys_dir() + "/" + key + ".pub";
    if (invalid_key_name(key)) {
      throw Failure{kExitUsageError, quote_text(key) + " is neither a name nor a public key",
                    "a public key has 64 hexadecimal digits, as muster key new prints it"};
    }
    // Whose name is in the list is meant, wherever its pair lies; else a pair of this home.
    const AccessList list = list_or_throw(session);
    const std::string* known = list.key_named(key);
    const Result<std::string> found = known != nullptr ? *known : load_public_key(file);
    if (!found) throw Failure{kExitUsageError, found.error(), "see: muster key ls"};
    if (grant.name.empty()) grant.name = key;
    key = *found;
  } else if (grant.name.empty()) {
    throw Failure{kExitUsageError, "the key needs a name", "give it one with --name NAME"};
  }
  if (const auto reason = invalid_grant(grant)) throw Failure{kExitUsageError, *reason, ""};
  if (const Result<Done> allowed = allow_key(session.config().keys.allowed, key, grant); !allowed) {
    throw local(allowed.error());
  }
  const KeyInfo info{grant.name, key, grant, ""};
  session.output().show_one(
      [&] { return grant.name + " may connect as " + std::string(to_string(grant.role)) + "\n"; },
      [&] { return key_json(info); }, [&] { return grant.name; });
  return kExitOk;
}

int do_verb(Session& session, const KeyRevokeOptions& options) {
  const Result<bool> revoked = revoke_key(session.config().keys.allowed, options.name);
  if (!revoked) throw local(revoked.error());
  if (!*revoked) {
    std::vector<std::string> names;
    const AccessList list = list_or_throw(session);
    for (const auto& [key, grant] : list.by_key()) names.push_back(grant.name);
    throw Failure{kExitUsageError,
                  "no key is allowed under the name " + quote_text(options.name) +
                      suggestion(options.name, names),
                  "see: muster key ls"};
  }
  session.output().show_one(
      [&] {
        return options.name +
               " is refused from now on, also where it is connected; what a worker of that name "
               "holds is given away when its lease runs out\n";
      },
      [&] {
        return key_json({options.name, "", std::nullopt, ""});
      },
      [&] { return options.name; });
  return kExitOk;
}

int do_verb(Session& session, const KeyListOptions&) {
  const std::vector<KeyInfo> keys = known_keys(session);
  Output& output = session.output();
  output.show_list(
      "key", keys, [&] { return render_keys(keys, output.look()); }, key_json,
      [](const KeyInfo& info) { return info.name; });
  return kExitOk;
}

}  // namespace muster
