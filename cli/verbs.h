// The verbs of the muster command, one function each; each returns the exit status. Those that ask
// nobody take the output only. All may throw Failure (cli/failure.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/exit_status.h"
#include "cli/failure.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/session.h"

namespace muster {

// How a command line went.
struct CommandEnd {
  int exit_status = kExitOk;
  std::optional<Failure> failure;  // why the verb could not do its work
  std::string peer;                // the broker that it asked, when it asks one
};

// Parses, runs and prints.
CommandEnd run_arguments(const std::vector<std::string>& arguments);

// All of main.
int run_command(const std::vector<std::string>& arguments);

// verb_run.cc
int do_verb(Session& session, const RunOptions& options);
// verb_verify.cc: verify and repair
int do_verb(Session& session, const VerifyOptions& options);
// verb_task.cc
int do_verb(Session& session, const SubmitOptions& options);
int do_verb(Session& session, const WaitOptions& options);
int do_verb(Session& session, const CancelOptions& options);
int do_verb(Session& session, const RetryOptions& options);
int do_verb(Session& session, const TaskShowOptions& options);
int do_verb(Session& session, const TaskExplainOptions& options);
// verb_task_list.cc
int do_verb(Session& session, const TaskListOptions& options);
// verb_trace.cc
int do_verb(Session& session, const TaskTraceOptions& options);
// verb_log.cc
int do_verb(Session& session, const LogOptions& options);
// verb_artifact.cc
int do_verb(Session& session, const ArtifactListOptions& options);
int do_verb(Session& session, const ArtifactGetOptions& options);
int do_verb(Session& session, const ArtifactPinOptions& options);
// verb_sink.cc
int do_verb(Session& session, const SinkStatusOptions& options);
int do_verb(Session& session, const SinkReplayOptions& options);
int do_verb(Session& session, const SinkDeadListOptions& options);
int do_verb(Session& session, const SinkDeadChangeOptions& options);
// verb_broker.cc
int do_verb(Session& session, const LogStatusOptions& options);
int do_verb(Session& session, const LogVerifyOptions& options);
int do_verb(Session& session, const LogExportOptions& options);
int do_verb(Session& session, const LogTrimOptions& options);
int do_verb(Session& session, const LogForgetOptions& options);
// verb_key.cc
int do_verb(Session& session, const KeyNewOptions& options);
int do_verb(Session& session, const KeyAllowOptions& options);
int do_verb(Session& session, const KeyRevokeOptions& options);
int do_verb(Session& session, const KeyListOptions& options);
// verb_answer.cc
int do_verb(Session& session, const EventsOptions& options);
int do_verb(Session& session, const ResultOptions& options);
// verb_device.cc
int do_verb(Session& session, const DeviceListOptions& options);
int do_verb(Session& session, const DeviceShowOptions& options);
int do_verb(Session& session, const DeviceChangeOptions& options);
int do_verb(Session& session, const WorkerListOptions& options);
// verb_drain.cc
int do_verb(Session& session, const DrainOptions& options);
// verb_history.cc
int do_verb(Session& session, const DeviceHistoryOptions& options);
int do_verb(Session& session, const StrategyStatsOptions& options);
// verb_measure.cc
int do_verb(Session& session, const MeasureQueryOptions& options);
int do_verb(Session& session, const MeasureListOptions& options);
// verb_file.cc
int do_verb(Session& session, const InventoryOptions& options);
int do_verb(Output& output, const StrategyCheckOptions& options);
int do_verb(Output& output, const StrategyTreeOptions& options);
int do_verb(Output& output, const VersionOptions& options);
// verb_job.cc
int do_verb(Output& output, const JobListOptions& options);
int do_verb(Output& output, const JobCheckOptions& options);
int do_verb(Output& output, const JobSchemaOptions& options);
// verb_strategy.cc
int do_verb(Output& output, const StrategyScenarioOptions& options);
int do_verb(Output& output, const StrategySimulateOptions& options);
// verb_doctor.cc
int do_verb(Session& session, const DoctorOptions& options);
// verb_job_api.cc
int do_verb(Output& output, const ShoutOptions& options);
int do_verb(Output& output, const ReportOptions& options);
int do_verb(Output& output, const MeasureOptions& options);
int do_verb(Output& output, const PushOptions& options);
int do_verb(Output& output, const ProgressOptions& options);
int do_verb(Output& output, const CallOptions& options);
// verb_up.cc
int do_verb(Session& session, const UpOptions& options);

}  // namespace muster
