// JobApi: the socket through which a job talks to the house ($MUSTER_SOCKET, docs/job-api.md): one
// JSON object a line in, one answer a line out, in order. Anything that a job may do to it is meant
// to be survived: lines of any length, silent and slow clients, floods, files that are none.
//
// There is no thread: the owner waits for descriptors() to be readable or next_deadline() to pass,
// and calls wake(). Each wake does a bounded piece of work.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/limits.h"
#include "core/report.h"
#include "core/result.h"
#include "core/time.h"
#include "io/file.h"
#include "workers/job_files.h"
#include "workers/job_request.h"

namespace muster {

struct JobApiLimits {
  size_t line_bytes = kApiLineBytesMax;
  size_t connections = kApiConnectionsMax;  // with one more, the one that was silent longest goes
  uint32_t burst = kApiBurstMax;
  uint32_t per_second = kApiRequestsPerSecond;
  uint64_t pushed_bytes = kPushedBytesMax;
  size_t pushed_files = kPushedFilesMax;
};

struct JobApiPaths {
  std::string socket;  // longer than 107 bytes: a private directory in /tmp takes its place
  std::vector<std::string>
      roots;              // where the job's files may lie; relative paths begin in the first
  std::string artifacts;  // where pushed files go; made when there is one
};

class JobApi {
 public:
  // Why the report was left out, as a sentence; empty: it was taken.
  using Sink = std::function<std::string(ReportBody)>;
  // The URL that an artifact of this name will have.
  using ArtifactUrl = std::function<std::string(const std::string& name)>;

  // Listens at once; mode 0600. What lies at the socket's path is replaced.
  static Result<std::unique_ptr<JobApi>> listen(JobApiPaths paths, const JobApiLimits& limits,
                                                Sink report, ArtifactUrl url, Instant now);
  ~JobApi();
  JobApi(const JobApi&) = delete;
  JobApi& operator=(const JobApi&) = delete;

  // Also what goes well is reported, as CallMade; what is refused is in any case, as CallFailed.
  void trace_calls(bool trace) { trace_ = trace; }
  // Told of each request that is dropped because there are too many in a short time: what it asks
  // for may be a result that will be missing.
  void on_drop(std::function<void(const JobRequest&)> hook) { on_drop_ = std::move(hook); }

  // $MUSTER_SOCKET.
  const std::string& path() const { return path_; }

  void descriptors(std::vector<int>& fds) const;  // one, for reading
  void wake(Instant now);
  std::optional<Instant> next_deadline() const;

  // Part of the job has ended: what has been sent until now is to be taken before anybody judges by
  // it. settled() once that is done, or some seconds later when it cannot be.
  void settle(Instant now);
  bool settled() const { return !settling_; }

  // The job has ended: what it has sent is still taken, nothing new. over() once that is done, or
  // some seconds later when it cannot be.
  void finish(Instant now);
  bool over() const { return finishing_ && !settling_ && connections_.empty(); }

  // Requests that were refused because there were too many, or reports that were left out.
  uint64_t dropped() const { return dropped_; }

 private:
  struct Connection;
  struct Answer;
  using FileSink = std::function<void(ReportBody)>;

  JobApi(JobApiPaths paths, const JobApiLimits& limits, Sink report, ArtifactUrl url, Instant now);
  Result<Done> start();
  void accept_new(Instant now);
  void receive_sent(Instant now);
  void close_silent();
  void receive(Connection& connection, Instant now);
  void take_lines(Connection& connection, Instant now);
  bool next_line(Connection& connection, std::string& line);
  void take_line(Connection& connection, const std::string& line, Instant now);
  void answer(Connection& connection, Answer answer);
  void refuse(Connection& connection, const std::string& reason);
  void begin_report(Connection& connection, const std::string& path, const char* noun,
                    const std::function<std::unique_ptr<ReportReader>(const FileSink&)>& make);
  void begin_push(Connection& connection, const PushRequest& push);
  void work();
  void send_answers(Connection& connection);
  void set_interest(Connection& connection);
  bool is_done(const Connection& connection) const;
  bool has_work(const Connection& connection) const;
  bool may_read(const Connection& connection) const;
  bool is_unread(const Connection& connection) const;
  bool is_busy(const Connection& connection) const;
  bool all_busy() const;
  bool is_settled(const Connection& connection) const;
  bool all_settled() const;
  bool take_token(Instant now);
  std::string say(ReportBody body);
  void note_flood(const std::string& why);
  void drop(Connection& connection, const std::string& line);
  std::string drop_answer(const std::string& why) const;

  const JobApiPaths paths_;
  const JobApiLimits limits_;
  Sink report_;
  ArtifactUrl url_;
  std::function<void(const JobRequest&)> on_drop_;
  std::string path_;
  std::string private_dir_;  // made for the socket; empty: none
  UniqueFd epoll_;
  UniqueFd listener_;
  std::list<Connection> connections_;
  double tokens_;
  Instant tokens_at_;
  Instant now_;  // of the last wake
  uint64_t pushed_bytes_ = 0;
  size_t pushed_files_ = 0;
  uint64_t dropped_ = 0;
  bool trace_ = false;
  bool flooded_ = false;          // and a record says so
  size_t lines_left_ = 0;         // of this wake
  bool waiting_clients_ = false;  // to be accepted, as far as is known
  bool settling_ = false;
  bool finishing_ = false;
  Instant settle_by_;  // also finishing
};

}  // namespace muster
