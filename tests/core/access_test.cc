#include "core/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>

namespace muster {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr Role kRoles[] = {Role::submitter, Role::worker, Role::collector, Role::admin};

std::string key_of(char digit) { return std::string(kPublicKeyDigits, digit); }

std::string letters_of(RoleSet roles) {
  std::string letters;
  for (const Role role : kRoles) {
    if ((roles & role_bit(role)) != 0) letters += to_string(role)[0];
  }
  return letters;
}

std::optional<std::string> no_task(std::string_view) { return std::nullopt; }

template <size_t... Index>
std::vector<Message> every_message(std::index_sequence<Index...>) {
  return {Message(std::in_place_index<Index>)...};
}

// What each message takes: s(ubmitter), w(orker), c(ollector), a(dmin).
TEST(Access, EveryMessageHasItsRoles) {
  const std::map<std::string_view, std::set<size_t>> expected = [] {
    std::map<std::string_view, std::set<size_t>> rows;
    const auto row = [&](std::string_view roles, const std::vector<Message>& messages) {
      for (const Message& message : messages) rows[roles].insert(message.index());
    };
    row("swca", {Hello{}, Beat{}, Refused{}, Unimplemented{}});
    row("sa", {Submit{}, Watch{}, Cancel{}, RetryTasks{}, ListTasks{}, ShowTask{}, ExplainTask{},
               ListDevices{}, ListWorkers{}, AskStatus{}, AskInventory{}});
    row("sca", {Fetch{}, AskLog{}});
    row("a", {ApplyInventory{}, ChangeDevices{}, TrimLog{}, ForgetReader{}, Drain{}});
    row("w", {Sync{}});
    row("wc", {TellLog{}});
    row("", {Welcome{},          SubmitReply{},  TaskNews{},   CancelReply{},  RetryTasksReply{},
             InventoryReply{},   Desired{},      Blocks{},     TaskList{},     TaskInfo{},
             Explanation{},      DeviceList{},   WorkerList{}, BrokerStatus{}, ChangeDevicesReply{},
             CurrentInventory{}, TellLogReply{}, LogState{},   TrimLogReply{}, DrainReply{}});
    return rows;
  }();
  std::map<std::string, std::set<size_t>> found;
  for (const Message& message :
       every_message(std::make_index_sequence<std::variant_size_v<Message>>())) {
    found[letters_of(right_to(message).roles)].insert(message.index());
    EXPECT_FALSE(right_to(message).what.empty()) << message.index();
  }
  EXPECT_EQ(found.size(), expected.size());
  for (const auto& [roles, messages] : expected) {
    EXPECT_EQ(found[std::string(roles)], messages) << roles;
  }
}

TEST(Access, WhoMayNotIsToldWhatItTakes) {
  const auto said = [](Role role, const Message& message) {
    return barred(Grant{"desk", role, {}, {}}, message, no_task).value_or("");
  };
  EXPECT_EQ(said(Role::submitter, ApplyInventory{}),
            "key desk has role submitter, and it takes admin to apply an inventory: ask an "
            "administrator for: muster key allow desk --role admin");
  EXPECT_THAT(said(Role::worker, ListTasks{}),
              HasSubstr("it takes submitter or admin to list tasks"));
  EXPECT_THAT(said(Role::admin, Sync{}), HasSubstr("it takes worker to speak as a worker"));
  EXPECT_THAT(said(Role::admin, Desired{}), HasSubstr("only the broker may"));
  EXPECT_EQ(said(Role::admin, ApplyInventory{}), "");
}

TEST(Access, AWorkersKeySpeaksForTheWorkerOfItsName) {
  const Grant grant{"lab-1", Role::worker, {}, {}};
  EXPECT_FALSE(barred(grant, Hello{1, 1, Role::worker, "lab-1", ""}, no_task));
  EXPECT_THAT(barred(grant, Hello{1, 1, Role::worker, "lab-2", ""}, no_task).value_or(""),
              HasSubstr("not for \"lab-2\""));
  // Of another role nobody speaks for a worker, whatever its name.
  for (const Role role : {Role::submitter, Role::collector, Role::admin}) {
    const Grant other{"lab-1", role, {}, {}};
    EXPECT_TRUE(barred(other, Hello{1, 1, Role::worker, "lab-1", ""}, no_task));
  }
}

TEST(Access, OnlyCollectorsAndAdministratorsConnectAsCollectors) {
  for (const Role role : kRoles) {
    const Grant grant{"x", role, {}, {}};
    const bool may = role == Role::collector || role == Role::admin;
    EXPECT_EQ(!barred(grant, Hello{1, 1, Role::collector, "feed", ""}, no_task), may)
        << to_string(role);
    EXPECT_FALSE(barred(grant, Hello{1, 1, Role::admin, "kim@desk", ""}, no_task));
  }
}

TEST(Access, AWorkerIsKeptToItsLabsAndPools) {
  const Grant grant{"w", Role::worker, {"home", "annex"}, {"phones"}};
  const auto allowed = [&](const std::string& lab, std::vector<std::string> pools, bool full) {
    Sync sync;
    sync.full = full;
    sync.lab = lab;
    sync.pools = std::move(pools);
    return !barred(grant, sync, no_task);
  };
  EXPECT_TRUE(allowed("home", {"phones"}, true));
  EXPECT_TRUE(allowed("annex", {}, true));
  EXPECT_FALSE(allowed("other", {"phones"}, true));
  EXPECT_FALSE(allowed("", {"phones"}, true));
  EXPECT_FALSE(allowed("home", {"phones", "routers"}, true));
  EXPECT_TRUE(allowed("", {}, false)) << "only full ones say where it belongs";
  Sync anywhere;
  anywhere.full = true;
  anywhere.lab = "other";
  anywhere.pools = {"routers"};
  EXPECT_FALSE(barred(Grant{"w", Role::worker, {}, {}}, anywhere, no_task));
}

TEST(Access, ASubmitterIsKeptToItsPools) {
  const Grant grant{"kim", Role::submitter, {}, {"phones"}};
  const PoolOfTask pool_of = [](std::string_view guid) -> std::optional<std::string> {
    if (guid == "mine-000001") return "phones";
    if (guid == "other-00001") return "routers";
    return std::nullopt;
  };
  const auto submits = [&](const std::string& pool) {
    TaskSpec spec;
    spec.pool = pool;
    Submit submit;
    submit.tasks = {std::make_shared<const TaskSpec>(spec)};
    return !barred(grant, submit, pool_of);
  };
  EXPECT_TRUE(submits("phones"));
  EXPECT_FALSE(submits("routers"));
  EXPECT_FALSE(submits("")) << "any pool is also another";
  for (const auto& [guids, may] : std::vector<std::pair<std::vector<std::string>, bool>>{
           {{"mine-000001"}, true},
           {{"other-00001"}, false},
           {{"mine-000001", "other-00001"}, false},
           {{"unknown-0001"}, true}}) {
    EXPECT_EQ(!barred(grant, Cancel{guids, "why", "kim"}, pool_of), may);
    EXPECT_EQ(!barred(grant, RetryTasks{guids, "why", "kim", "id"}, pool_of), may);
  }
}

TEST(Access, WhatIsDoneIsSignedWithTheKey) {
  const Grant grant{"kim", Role::admin, {}, {}};
  Message message = Cancel{{}, "why", "broker"};
  sign(grant, message);
  sign(grant, message);
  EXPECT_EQ(std::get<Cancel>(message).who, "broker (key kim)") << "once, however often";
  TaskSpec spec;
  spec.submitter = "broker";
  const auto sent = std::make_shared<const TaskSpec>(spec);
  message = Submit{{sent}, false};
  sign(grant, message);
  EXPECT_EQ(std::get<Submit>(message).tasks[0]->submitter, "broker (key kim)");
  EXPECT_EQ(sent->submitter, "broker");
  message = TrimLog{1, false, "kim@desk"};
  sign(grant, message);
  EXPECT_EQ(std::get<TrimLog>(message).who, "kim@desk (key kim)");
  message = Drain{{"w1"}, false, "new disk", "kim@desk"};
  sign(grant, message);
  EXPECT_EQ(std::get<Drain>(message).who, "kim@desk (key kim)");
  message = ForgetReader{"ledger", "kim@desk"};
  sign(grant, message);
  EXPECT_EQ(std::get<ForgetReader>(message).who, "kim@desk (key kim)");
  message = ChangeDevices{{}, DeviceChange::lock, "why", std::string(500, 'x')};
  sign(grant, message);
  EXPECT_THAT(std::get<ChangeDevices>(message).who, testing::EndsWith(" (key kim)"));
  EXPECT_LE(std::get<ChangeDevices>(message).who.size(), 128u);
}

TEST(AccessFile, HoldsWhatWasWritten) {
  const Grant worker{"lab-1", Role::worker, {"home", "annex"}, {"phones"}};
  const Grant admin{"admin", Role::admin, {}, {}};
  const AccessFile file = parse_access_file("# who\n\n" + access_line(key_of('a'), worker) +
                                            "  \t\r\n" + access_line(key_of('b'), admin));
  EXPECT_THAT(file.problems, IsEmpty());
  ASSERT_NE(file.list.find(key_of('a')), nullptr);
  EXPECT_EQ(*file.list.find(key_of('a')), worker);
  ASSERT_NE(file.list.key_named("admin"), nullptr);
  EXPECT_EQ(*file.list.key_named("admin"), key_of('b'));
  EXPECT_EQ(file.list.find(key_of('c')), nullptr);
}

TEST(AccessFile, SaysWhatIsWrongAndWhere) {
  const std::string key = key_of('a');
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"kim", "line 1: needs a name, a role and a public key"},
      {"kim admin", "line 1: needs a name, a role and a public key"},
      {"kim root " + key, "line 1: \"root\" is no role"},
      {"kim admin abc", "line 1: a public key has 64 hexadecimal digits"},
      {"kim admin " + std::string(64, 'A'), "line 1: a public key has 64"},
      {"kim admin " + key + "a", "line 1: a public key has 64"},
      {"kim admin " + key + " color=red", "line 1: \"color=red\" is neither"},
      {"../x admin " + key, "line 1: key name"},
      {std::string(65, 'x') + " admin " + key, "line 1: the name of a key has at most 64"},
      {"kim admin " + key + " lab=home", "line 1: only workers belong to labs"},
      {"kim collector " + key + " pool=p", "line 1: only workers and submitters"},
      {"kim worker " + key + " lab=", "line 1: lab name is empty"},
      {"kim worker " + key + " lab=a,,b", "line 1: lab name is empty"},
      {"kim worker " + key + " pool=a/b", "line 1: pool name"},
      {"kim admin " + key + "\nkim worker " + key_of('b'), "line 2: key kim is there already"},
      {"kim admin " + key + "\nann worker " + key, "line 2: this key is there already, as kim"},
  };
  for (const auto& [text, problem] : rows) {
    EXPECT_THAT(parse_access_file(text).problems, ElementsAre(HasSubstr(problem))) << text;
  }
}

TEST(AccessFile, HasSoManyKeysAndNoMore) {
  AccessList list;
  const auto add = [&](size_t i) {
    std::string key = std::to_string(i);
    key.insert(0, kPublicKeyDigits - key.size(), '0');
    return list.add(key, Grant{"k" + std::to_string(i), Role::worker, {}, {}});
  };
  for (size_t i = 0; i < kAllowedKeysMax; ++i) ASSERT_FALSE(add(i)) << i;
  EXPECT_TRUE(add(kAllowedKeysMax));
  std::vector<std::string> labs(kAllowedLabsMax, "x");
  EXPECT_FALSE(invalid_grant(Grant{"w", Role::worker, labs, labs}));
  labs.push_back("x");
  EXPECT_TRUE(invalid_grant(Grant{"w", Role::worker, labs, {}}));
  EXPECT_TRUE(invalid_grant(Grant{"w", Role::worker, {}, labs}));
}

TEST(AccessFile, AKeyIsTakenOutAndTheRestStays) {
  const std::string a = access_line(key_of('a'), Grant{"a", Role::admin, {}, {}});
  const std::string b = access_line(key_of('b'), Grant{"b", Role::admin, {}, {}});
  EXPECT_EQ(without_key("# a is kim's\n" + a + "\n" + b, "a"), "# a is kim's\n\n" + b);
  EXPECT_EQ(without_key(a + b, "c"), a + b);
  EXPECT_EQ(without_key("x", "y"), "x\n");
}

}  // namespace
}  // namespace muster
