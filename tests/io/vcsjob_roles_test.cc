#include "io/vcsjob_roles.h"

#include <gtest/gtest.h>

namespace muster {
namespace {

VcsJob job(const std::string& profiles) {
  VcsJob job;
  job.path = "jobs/a";
  job.profiles = profiles;
  return job;
}

std::string text_of(const Result<std::vector<DeviceRequest>>& roles) {
  if (!roles) return "error: " + roles.error();
  std::string text;
  for (const DeviceRequest& role : *roles) {
    text += (text.empty() ? "" : "; ") + role.role + ": " + role.selector;
    if (!role.with.empty()) text += " with " + role.with;
  }
  return text;
}

TEST(VcsJobRoles, ProfilesBecomeDeviceRequests) {
  struct Row {
    std::vector<VcsJob> jobs;
    std::string roles;
  };
  const std::vector<Row> rows = {
      {{}, ""},
      {{job("")}, ""},
      {{job("[]")}, ""},
      {{job(R"([{"type":"handset"}])")}, "handset: type=handset"},
      {{job(R"([{"type":"handset","pretty":"yuga"},{"type":"relay"}])")},
       "handset: pretty=yuga,type=handset; relay: type=relay"},
      {{job(R"([{"type":"handset"},{"type":"handset"}])")},
       "handset: type=handset; handset2: type=handset"},
      {{job(R"([[{"type":"handset"},{"type":"relay","uid":7}]])")},
       "handset: type=handset; relay: type=relay,uid=7 with handset"},
      {{job(R"([{"pretty":["yuga","odin"],"sim":{"operator":"x","ready":true},"no":null}])")},
       "device: pretty in (odin,yuga),sim.operator=x,sim.ready=true"},
      // The broker refused a task with such roles, or with one twice.
      {{job(R"([{"type":":1"},{"type":"../x"}])")}, "device: type=:1; device2: type=../x"},
      {{job(R"([{"type":"a"},{"type":"a"},{"type":"a2"},{"type":"a"}])")},
       "a: type=a; a2: type=a; a3: type=a; a22: type=a2"},
      // Jobs that run one after the other use the same devices.
      {{job(R"([{"type":"handset"}])"), job(R"([{"type":"handset"},{"type":"handset"}])"),
        job(R"([{"type":"relay"}])")},
       "handset: type=handset; handset2: type=handset; relay: type=relay"},
  };
  for (const Row& row : rows) EXPECT_EQ(text_of(roles_of(row.jobs)), row.roles);
}

TEST(VcsJobRoles, WhatASelectorCannotSayIsAnError) {
  EXPECT_EQ(text_of(roles_of({job(R"([{}])")})),
            "error: job jobs/a: its profiles: a profile says nothing");
  EXPECT_NE(text_of(roles_of({job(R"([{"pretty":"a b"}])")})).find("error: job jobs/a"),
            std::string::npos);
  std::string many = "[";
  for (int i = 0; i < 17; ++i) many += std::string(i ? "," : "") + R"({"type":"handset"})";
  EXPECT_EQ(text_of(roles_of({job(many + "]")})),
            "error: the jobs ask for 17 devices; a task has at most 16");
}

}  // namespace
}  // namespace muster
