#include "cli/render_job.h"

#include <gtest/gtest.h>

#include "cli/render_json.h"

namespace muster {
namespace {

VcsJob smoke() {
  VcsJob job;
  job.path = "jobs/smoke.sh";
  job.tags = {"SMOKE", "WIFI"};
  job.banner = "Boots and\tconnects";
  job.profiles = R"([{"type":"handset"}])";
  job.duration = std::chrono::seconds(90);
  return job;
}

VcsJob broken() {
  VcsJob job;
  job.path = "../evil";
  job.broken = ".vcsjob:3:5: \"../evil\" leads out of the tree";
  return job;
}

TEST(RenderJob, JobsAreATableAndABrokenOneSaysWhy) {
  EXPECT_EQ(render_jobs({smoke(), broken()}, Look{}),
            "PATH           TAGS        USUALLY  ABOUT\n"
            "jobs/smoke.sh  SMOKE,WIFI  1m30s    Boots and\\u{09}connects\n"
            "../evil        -           -        cannot run: .vcsjob:3:5: \"../evil\" leads out of "
            "the tree\n");
  EXPECT_EQ(render_jobs({}, Look{}), "");
}

TEST(RenderJob, JobsAsJson) {
  EXPECT_EQ(job_json(smoke()),
            R"({"schema":"muster.job/1","path":"jobs/smoke.sh","tags":["SMOKE","WIFI"],)"
            R"("banner":"Boots and\tconnects","profiles":[{"type":"handset"}],"duration_s":90.0})");
  EXPECT_EQ(job_json(broken()), R"({"schema":"muster.job/1","path":"../evil","tags":[],)"
                                R"("broken":".vcsjob:3:5: \"../evil\" leads out of the tree"})");
}

}  // namespace
}  // namespace muster
