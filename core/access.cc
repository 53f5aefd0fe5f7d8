#include "core/access.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/guid.h"
#include "core/join.h"
#include "core/limits.h"

namespace muster {
namespace {

constexpr RoleSet kSubmitter = role_bit(Role::submitter);
constexpr RoleSet kWorker = role_bit(Role::worker);
constexpr RoleSet kCollector = role_bit(Role::collector);
constexpr RoleSet kAdmin = role_bit(Role::admin);
constexpr RoleSet kPeople = kSubmitter | kAdmin;
constexpr RoleSet kNobody = 0;

// The table: one row for each message. One without a row does not compile. What a worker says
// nobody says for it, an administrator neither.
struct Table {
  Right operator()(const Hello&) const { return {"connect", kEveryRole}; }
  Right operator()(const Beat&) const { return {"say that it is there", kEveryRole}; }
  Right operator()(const Refused&) const { return {"refuse something", kEveryRole}; }
  Right operator()(const Unimplemented&) const { return {"decline something", kEveryRole}; }

  Right operator()(const Submit&) const { return {"submit tasks", kPeople}; }
  Right operator()(const Watch&) const { return {"watch tasks", kPeople}; }
  Right operator()(const Cancel&) const { return {"cancel tasks", kPeople}; }
  Right operator()(const RetryTasks&) const { return {"retry tasks", kPeople}; }
  Right operator()(const ListTasks&) const { return {"list tasks", kPeople}; }
  Right operator()(const ShowTask&) const { return {"show a task", kPeople}; }
  Right operator()(const ExplainTask&) const { return {"explain a task", kPeople}; }
  Right operator()(const ListDevices&) const { return {"list devices", kPeople}; }
  Right operator()(const ListWorkers&) const { return {"list workers", kPeople}; }
  Right operator()(const AskStatus&) const { return {"ask for the status", kPeople}; }
  Right operator()(const AskInventory&) const { return {"read the inventory", kPeople}; }
  Right operator()(const Fetch&) const { return {"read events", kPeople | kCollector}; }

  Right operator()(const AskLog&) const { return {"ask about the log", kPeople | kCollector}; }

  Right operator()(const TrimLog&) const { return {"trim the log", kAdmin}; }
  Right operator()(const ForgetReader&) const { return {"forget a reader of the log", kAdmin}; }
  Right operator()(const Drain&) const { return {"drain or resume workers", kAdmin}; }
  Right operator()(const ApplyInventory&) const { return {"apply an inventory", kAdmin}; }
  Right operator()(const ChangeDevices&) const {
    return {"lock, unlock, quarantine or release devices", kAdmin};
  }

  Right operator()(const Sync&) const { return {"speak as a worker", kWorker}; }
  Right operator()(const TellLog&) const { return {"tell of its log", kWorker | kCollector}; }

  Right operator()(const Welcome&) const { return answer(); }
  Right operator()(const SubmitReply&) const { return answer(); }
  Right operator()(const TaskNews&) const { return answer(); }
  Right operator()(const CancelReply&) const { return answer(); }
  Right operator()(const RetryTasksReply&) const { return answer(); }
  Right operator()(const InventoryReply&) const { return answer(); }
  Right operator()(const Desired&) const { return answer(); }
  Right operator()(const Blocks&) const { return answer(); }
  Right operator()(const TaskList&) const { return answer(); }
  Right operator()(const TaskInfo&) const { return answer(); }
  Right operator()(const Explanation&) const { return answer(); }
  Right operator()(const DeviceList&) const { return answer(); }
  Right operator()(const WorkerList&) const { return answer(); }
  Right operator()(const BrokerStatus&) const { return answer(); }
  Right operator()(const ChangeDevicesReply&) const { return answer(); }
  Right operator()(const CurrentInventory&) const { return answer(); }
  Right operator()(const TellLogReply&) const { return answer(); }
  Right operator()(const DrainReply&) const { return answer(); }
  Right operator()(const LogState&) const { return answer(); }
  Right operator()(const TrimLogReply&) const { return answer(); }

  static Right answer() { return {"answer for the broker", kNobody}; }
};

// "submitter or admin".
std::string words_for(RoleSet roles) {
  std::vector<std::string> words;
  for (const Role role : {Role::submitter, Role::worker, Role::collector, Role::admin}) {
    if ((roles & role_bit(role)) != 0) words.emplace_back(to_string(role));
  }
  return join(words, " or ");
}

std::string advice(const Grant& grant, const std::string& flags) {
  return ": ask an administrator for: muster key allow " + grant.name + " " + flags;
}

std::string wrong_role(const Grant& grant, std::string_view what, RoleSet roles) {
  const std::string has = "key " + grant.name + " has role " + std::string(to_string(grant.role));
  if (roles == kNobody) return has + ", and only the broker may " + std::string(what);
  const std::string takes = has + ", and it takes " + words_for(roles) + " to " + std::string(what);
  const bool is_person = (role_bit(grant.role) & kPeople) != 0;
  const bool for_people = (roles & kPeople) != 0;
  if (for_people && !is_person) return takes + ": show a key of your own, with --key NAME";
  return takes + (is_person && (roles & kAdmin) != 0 ? advice(grant, "--role admin") : "");
}

bool allows(const std::vector<std::string>& granted, std::string_view wanted) {
  return granted.empty() || std::find(granted.begin(), granted.end(), wanted) != granted.end();
}

std::optional<std::string> barred_from_pool(const Grant& grant, const std::string& pool) {
  if (!pool.empty() && allows(grant.pools, pool)) return std::nullopt;
  const std::string wanted = pool.empty() ? "a task that names no pool" : "pool " + pool;
  return "key " + grant.name + " is for the pools " + join(grant.pools, ", ") + " only, not for " +
         wanted;
}

// Whoever is no daemon may call itself what it likes: its messages are judged by the table.
std::optional<std::string> barred_hello(const Grant& grant, const Hello& hello) {
  if (hello.role == Role::worker) {
    if (grant.role != Role::worker) return wrong_role(grant, "speak as a worker", kWorker);
    if (hello.name == grant.name) return std::nullopt;
    return "key " + grant.name + " speaks for the worker of that name only, not for " +
           quote_text(hello.name) + ": give the worker the key's name, or a key of its own";
  }
  if (hello.role != Role::collector) return std::nullopt;
  constexpr RoleSet kMay = kCollector | kAdmin;
  if ((role_bit(grant.role) & kMay) != 0) return std::nullopt;
  return wrong_role(grant, "connect as a collector", kMay);
}

std::optional<std::string> barred_sync(const Grant& grant, const Sync& sync) {
  if (!sync.full) return std::nullopt;
  if (!allows(grant.labs, sync.lab)) {
    return "key " + grant.name + " is for the labs " + join(grant.labs, ", ") +
           " only, and the worker says that it belongs to " + quote_text(sync.lab) +
           advice(grant, "--role worker --lab " + join(grant.labs, " --lab ") + " --lab LAB");
  }
  if (grant.pools.empty()) return std::nullopt;
  for (const std::string& pool : sync.pools) {
    if (auto reason = barred_from_pool(grant, pool)) return reason;
  }
  return std::nullopt;
}

std::optional<std::string> barred_submit(const Grant& grant, const Submit& submit) {
  for (const TaskSpecPtr& spec : submit.tasks) {
    if (auto reason = barred_from_pool(grant, spec->pool)) return reason;
  }
  return std::nullopt;
}

std::optional<std::string> barred_from_tasks(const Grant& grant,
                                             const std::vector<std::string>& guids,
                                             const PoolOfTask& pool_of) {
  for (const std::string& guid : guids) {
    const std::optional<std::string> pool = pool_of(guid);
    if (!pool) continue;  // the answer says so
    if (auto reason = barred_from_pool(grant, *pool)) return *reason + " (task " + guid + ")";
  }
  return std::nullopt;
}

std::string signed_by(const Grant& grant, std::string_view who) {
  const std::string key = " (key " + grant.name + ")";
  if (who.ends_with(key)) return std::string(who);
  return cut_text(who, kNameLengthMax - key.size()) + key;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (true) {
    const size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return words;
    line.remove_prefix(begin);
    const size_t end = std::min(line.find_first_of(" \t\r"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

// The value of `word` when it is `key`=value: names with commas between them.
bool read_names(std::string_view word, std::string_view key, std::vector<std::string>& names) {
  if (!word.starts_with(key) || !word.substr(key.size()).starts_with('=')) return false;
  std::string_view rest = word.substr(key.size() + 1);
  while (true) {
    const size_t comma = rest.find(',');
    names.emplace_back(rest.substr(0, comma));
    if (comma == std::string_view::npos) return true;
    rest.remove_prefix(comma + 1);
  }
}

// Why not, or nothing.
std::optional<std::string> read_line(const std::vector<std::string_view>& words, AccessList& list) {
  if (words.size() < 3) return "needs a name, a role and a public key";
  Grant grant;
  grant.name = words[0];
  const std::optional<Role> role = parse_role(words[1]);
  if (!role) {
    return quote_text(words[1]) + " is no role: submitter, worker, collector or admin";
  }
  grant.role = *role;
  if (auto reason = invalid_public_key(words[2])) return reason;
  for (size_t i = 3; i < words.size(); ++i) {
    if (read_names(words[i], "lab", grant.labs) || read_names(words[i], "pool", grant.pools)) {
      continue;
    }
    return quote_text(words[i]) + " is neither lab=NAME nor pool=NAME";
  }
  if (auto reason = invalid_grant(grant)) return reason;
  return list.add(std::string(words[2]), std::move(grant));
}

// Calls `take(number, line)` for each line, from 1; the end of a line is not part of it.
template <typename Take>
void each_line(std::string_view text, const Take& take) {
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    take(number, text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

bool says_nothing(const std::vector<std::string_view>& words) {
  return words.empty() || words[0].starts_with('#');
}

}  // namespace

std::optional<std::string> invalid_public_key(std::string_view text) {
  const bool is_hex = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  if (is_hex && text.size() == kPublicKeyDigits) return std::nullopt;
  return "a public key has 64 hexadecimal digits in lower case, as muster key new prints it";
}

std::optional<std::string> invalid_key_name(std::string_view name) {
  if (auto reason = invalid_name(name, "key")) return reason;
  if (name.size() <= kKeyNameLengthMax) return std::nullopt;
  return "the name of a key has at most " + std::to_string(kKeyNameLengthMax) + " characters";
}

std::optional<std::string> invalid_grant(const Grant& grant) {
  if (auto reason = invalid_key_name(grant.name)) return reason;
  if (!grant.labs.empty() && grant.role != Role::worker) {
    return "only workers belong to labs; a " + std::string(to_string(grant.role)) + " has none";
  }
  if (!grant.pools.empty() && grant.role != Role::worker && grant.role != Role::submitter) {
    return "only workers and submitters are kept to pools; a " +
           std::string(to_string(grant.role)) + " is not";
  }
  if (grant.labs.size() > kAllowedLabsMax || grant.pools.size() > kAllowedLabsMax) {
    return "a key has at most " + std::to_string(kAllowedLabsMax) + " labs and as many pools";
  }
  for (const std::string& lab : grant.labs) {
    if (auto reason = invalid_name(lab, "lab")) return reason;
  }
  for (const std::string& pool : grant.pools) {
    if (auto reason = invalid_name(pool, "pool")) return reason;
  }
  return std::nullopt;
}

std::optional<Role> parse_role(std::string_view text) {
  for (const Role role : {Role::submitter, Role::worker, Role::collector, Role::admin}) {
    if (to_string(role) == text) return role;
  }
  return std::nullopt;
}

std::optional<std::string> AccessList::add(const std::string& key, Grant grant) {
  if (by_key_.size() >= kAllowedKeysMax) {
    return "more than " + std::to_string(kAllowedKeysMax) + " keys";
  }
  if (name_index_.contains(std::string_view(grant.name)))
    return "key " + grant.name + " is there already";
  if (const Grant* other = find(key)) return "this key is there already, as " + other->name;
  const ByKey::value_type& added = *by_key_.emplace(key, std::move(grant)).first;
  key_index_.insert(added.first, &added);
  name_index_.insert(added.second.name, &added);
  return std::nullopt;
}

const Grant* AccessList::find(std::string_view key) const {
  const auto* found = key_index_.find(key);
  return found == nullptr ? nullptr : &(*found)->second;
}

const std::string* AccessList::key_named(std::string_view name) const {
  const auto* found = name_index_.find(name);
  return found == nullptr ? nullptr : &(*found)->first;
}

AccessFile parse_access_file(std::string_view text) {
  AccessFile file;
  each_line(text, [&](size_t number, std::string_view line) {
    if (file.problems.size() >= kErrorsPerFileMax) return;
    const std::vector<std::string_view> words = words_of(line);
    if (says_nothing(words)) return;
    if (auto reason = read_line(words, file.list)) {
      file.problems.push_back("line " + std::to_string(number) + ": " + *reason);
    }
  });
  return file;
}

std::string access_line(const std::string& key, const Grant& grant) {
  std::string line = grant.name + " " + std::string(to_string(grant.role)) + " " + key;
  if (!grant.labs.empty()) line += " lab=" + join(grant.labs, ",");
  if (!grant.pools.empty()) line += " pool=" + join(grant.pools, ",");
  return line + "\n";
}

std::string without_key(std::string_view text, std::string_view name) {
  std::string rest;
  each_line(text, [&](size_t, std::string_view line) {
    const std::vector<std::string_view> words = words_of(line);
    if (!says_nothing(words) && words[0] == name) return;
    rest.append(line).push_back('\n');
  });
  return rest;
}

Right right_to(const Message& message) { return std::visit(Table{}, message); }

std::optional<std::string> barred(const Grant& grant, const Message& message,
                                  const PoolOfTask& pool_of) {
  const Right right = right_to(message);
  if ((right.roles & role_bit(grant.role)) == 0) return wrong_role(grant, right.what, right.roles);
  if (const auto* hello = std::get_if<Hello>(&message)) return barred_hello(grant, *hello);
  if (const auto* sync = std::get_if<Sync>(&message)) return barred_sync(grant, *sync);
  if (grant.role != Role::submitter || grant.pools.empty()) return std::nullopt;
  if (const auto* submit = std::get_if<Submit>(&message)) return barred_submit(grant, *submit);
  if (const auto* cancel = std::get_if<Cancel>(&message)) {
    return barred_from_tasks(grant, cancel->guids, pool_of);
  }
  if (const auto* retry = std::get_if<RetryTasks>(&message)) {
    return barred_from_tasks(grant, retry->guids, pool_of);
  }
  return std::nullopt;
}

void sign(const Grant& grant, Message& message) {
  if (auto* submit = std::get_if<Submit>(&message)) {
    for (TaskSpecPtr& spec : submit->tasks) {
      auto copy = std::make_shared<TaskSpec>(*spec);
      copy->submitter = signed_by(grant, copy->submitter);
      spec = std::move(copy);
    }
  }
  std::visit(
      [&](auto& said) {
        if constexpr (requires { said.who; }) said.who = signed_by(grant, said.who);
      },
      message);
}

}  // namespace muster
