#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <thread>

#include "io/archive_name.h"
#include "io/http.h"
#include "tests/bench/bench.h"
#include "tests/support/house.h"

namespace muster::bench {
namespace {

constexpr int kAppenders = 200;
constexpr int kFollowedLines = 100;
constexpr Duration kPatience = std::chrono::seconds(20);

[[noreturn]] void fail(const House& house, const std::string& what) {
  std::fprintf(stderr, "muster_bench: %s\n%s", what.c_str(), house.daemon_output().c_str());
  std::exit(1);
}

HttpReply ask(const std::string& method, const std::string& url, const std::string& body) {
  HttpRequest request;
  request.method = method;
  request.url = url;
  request.body = body;
  return HttpClient().ask(std::move(request));
}

// Milliseconds until as many clients, each on a connection of its own, have appended a line.
double run_appenders(const std::string& url) {
  const Stopwatch watch;
  std::vector<std::jthread> threads;
  for (int i = 0; i < kAppenders; ++i) {
    threads.emplace_back([&] { ask("PUT", url, "a line of a job\n"); });
  }
  threads.clear();  // joins
  return watch.us() / 1e3;
}

int64_t wall_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Milliseconds from a job's write of each line until a follower has it on its standard output.
std::vector<double> run_follower(House& house, const std::string& bin_dir,
                                 const std::string& guid) {
  const std::string script = "i=0; while [ $i -lt " + std::to_string(kFollowedLines) +
                             " ]; do i=$((i+1)); sleep 0.05; date +at=%s%N; done";
  const auto job =
      house.start_muster({"run", "--detach", "--guid", guid, "--", "/bin/sh", "-c", script});
  if (job->wait(kPatience) != 0) fail(house, "the job was not taken");
  const std::string command =
      "MUSTER_HOME='" + house.home().dir + "' '" + bin_dir + "/muster' log " + guid + " -f";
  std::FILE* const follower = ::popen(command.c_str(), "re");
  if (follower == nullptr) fail(house, "cannot follow the log");
  std::vector<double> times;
  char line[4096];
  const int64_t began_ns = wall_ns();
  while (std::fgets(line, sizeof line, follower) != nullptr) {
    const int64_t read_ns = wall_ns();
    long long written_ns = 0;
    // Lines from before the follower was there are not its to be late with.
    if (std::sscanf(line, "at=%lld", &written_ns) != 1 || written_ns < began_ns) continue;
    times.push_back(static_cast<double>(read_ns - written_ns) / 1e6);
  }
  if (::pclose(follower) != 0 || times.size() < kFollowedLines / 2) {
    fail(house, "the follower saw " + std::to_string(times.size()) + " lines");
  }
  return times;
}

}  // namespace

void bench_archive(const std::string& bin_dir, const std::string& dir, Figures& figures) {
  House house(bin_dir, dir);
  const std::string socket = unix_url(house.home().http_socket());
  std::ofstream(house.home().config_file()) << "archive: { url: '" << socket << "' }\n";
  const std::unique_ptr<Child> broker = house.start_broker();
  const std::unique_ptr<Child> collector = house.start_collector();
  const std::unique_ptr<Child> worker = house.start_worker("local", 4);
  house.connect();
  const auto listens = [&] { return ask("GET", socket + "/", "").fault.empty(); };
  if (!eventually(listens, kPatience)) fail(house, "the collector does not listen");

  std::vector<double> times;
  double lost = 0;
  for (int run = 0; run < kRuns; ++run) {
    const std::string url =
        archive_url(socket, {"bench-archive-" + std::to_string(run), 1, "artifact"});
    times.push_back(run_appenders(url));
    const size_t kept = ask("GET", url, "").body.size() / std::string("a line of a job\n").size();
    lost += kAppenders - static_cast<double>(kept);
  }
  figures.push_back({"archive_200_appenders_ms", median(times), "ms", ""});
  figures.push_back({"archive_200_appenders_lost", lost, "lines", "0"});

  std::vector<double> p50;
  std::vector<double> p99;
  for (int run = 0; run < kRuns; ++run) {
    const std::vector<double> delays =
        run_follower(house, bin_dir, "bench-follow-" + std::to_string(run));
    p50.push_back(quantile(delays, 0.50));
    p99.push_back(quantile(delays, 0.99));
  }
  figures.push_back({"log_follow_p50_ms", median(p50), "ms", ""});
  figures.push_back({"log_follow_p99_ms", median(p99), "ms", "<= 300"});
}

}  // namespace muster::bench
