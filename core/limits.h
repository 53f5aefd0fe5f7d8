// Every bound of the system, on one page, each with its reason. Each has a test on both sides.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/time.h"

namespace muster {

// --- names and identifiers ---
// A GUID is a caller's own string; AVE's are URL-like. Percent-encoded (at most three bytes for
// one) it must still fit NAME_MAX (255) for the common case of ASCII URLs; longer ones are hashed
// there.
inline constexpr size_t kGuidLengthMin = 10;   // characters
inline constexpr size_t kGuidLengthMax = 256;  // characters
// Names of devices, workers, pools, strategies, tags: they become file names and columns.
inline constexpr size_t kNameLengthMax = 128;  // bytes
// One line for people. Longer ones are cut with an ellipsis, never refused.
inline constexpr size_t kMessageLengthMax = 4096;  // bytes

// --- files people write ---
inline constexpr size_t kYamlBytesMax = 4 << 20;  // an inventory of 10,000 devices is about 2 MiB
inline constexpr size_t kYamlDepthMax = 32;       // nothing of ours nests deeper than 8
inline constexpr size_t kYamlNodesMax = 500'000;  // stops alias bombs
inline constexpr size_t kErrorsPerFileMax = 50;   // more help nobody

// --- tasks ---
inline constexpr uint32_t kPriorityMax = 100;
inline constexpr uint32_t kWeightMax = 100;          // of a submitter
inline constexpr uint32_t kCapMax = 1'000'000;       // attempts: more than all workers have slots
inline constexpr size_t kCapsMax = 10'000;           // of one inventory: one for each pool
inline constexpr size_t kSharesMax = 10'000;         // of one inventory
inline constexpr size_t kSubmitterBytesMax = 1'024;  // user@host; both have limits far below
inline constexpr size_t kDevicesPerTaskMax = 16;
inline constexpr size_t kDevicesPerLeaseMax = 64;  // with the rest of their stacks
// Candidates looked at in one search for devices that must be in stacks together: about a
// millisecond. Real requests need a few dozen.
inline constexpr size_t kPlacementStepsMax = 20'000;
// Kinds of tasks without any now whose typical time is remembered: 200 bytes each.
inline constexpr size_t kTypicalTimesKept = 10'000;
inline constexpr size_t kExplainReasonsMax = 20;    // more help nobody
inline constexpr size_t kWorkBytesMax = 256 << 10;  // an argument list and an environment
inline constexpr size_t kTaskBytesMax = 512 << 10;  // of one TaskSpec, its work included
inline constexpr size_t kDependenciesMax = 256;     // of one task
inline constexpr size_t kMetadataMax = 64;          // pairs of one task
inline constexpr size_t kMetadataBytesMax = 8 << 10;
inline constexpr size_t kArrayTasksMax = 100'000;  // of one array, matrix or file
inline constexpr size_t kStepsMax = 256;           // of one job
inline constexpr size_t kArtifactsMax = 10'000;    // files of one attempt
// Files and directories looked at for them: a source tree with what was built in it.
inline constexpr size_t kArtifactWalkMax = 2'000'000;
// Digests are made of collected files up to this size, and of no more than this much of an attempt:
// it holds up the end of the attempt. Of the rest the archive says them.
inline constexpr uint64_t kArtifactHashedBytesMax = 4 << 20;
inline constexpr uint64_t kArtifactsHashedBytesMax = 64 << 20;
inline constexpr size_t kMeasureColumnsMax = 256;  // of one row
// Columns that a table of measurements has in the ledger. A page of InnoDB must hold the beginning
// of each text of a row, 41 bytes; what is beyond stays beside the table, as JSON.
inline constexpr size_t kMeasureColumnsKept = 180;
// Tables of measurements in the ledger: more come from a program that names them after its runs,
// and their rows stay together in one table, as JSON.
inline constexpr size_t kMeasureTablesKept = 1'000;
inline constexpr uint32_t kRetryMax = 10;
inline constexpr uint32_t kCrashLimitMax = 20;  // no task has more attempts
inline constexpr uint32_t kAttemptsMax = 20;    // of one task, whatever its retry budget
inline constexpr Duration kRetryBackoffMin = std::chrono::seconds(1);
inline constexpr size_t kRetryRequestsKept = 32;  // by a person, of one task: repeats come soon
inline constexpr Duration kRetryBackoffMax = std::chrono::minutes(5);
inline constexpr Duration kTimeoutMax = std::chrono::hours(24 * 30);
inline constexpr size_t kQueuedTasksMax = 2'000'000;  // about 1.4 GB in the broker
// Ended tasks that the broker still answers for; older ones are answered from the ledger.
inline constexpr size_t kEndedTasksKept = 20'000;
// GUIDs of ended tasks kept (as 64-bit digests) so that a repeated submit stays harmless.
inline constexpr size_t kEndedGuidsKept = 4'000'000;

// --- strategies ---
inline constexpr size_t kStrategyNodesMax = 1'000;
inline constexpr size_t kStrategyBytesMax = 1 << 20;
inline constexpr uint32_t kPingCountMax = 100;  // one a second
// Of an http check: it is an argument of a child, of which Linux takes 128 KiB.
inline constexpr size_t kHttpBodyBytesMax = 64 << 10;
inline constexpr uint32_t kActionAttemptsMax = 100;   // in one repair
inline constexpr size_t kScenarioBytesMax = 4 << 20;  // a thousand nodes with scripts of their own
inline constexpr size_t kScenarioDepthMax = 16;       // nothing of a scenario's nests deeper than 5
inline constexpr size_t kInventoryDevicesMax = 200'000;
inline constexpr size_t kStackMembersMax = 16;
inline constexpr size_t kListedDevicesMax = 10'000;  // of one worker
// Devices that were only ever plugged in, are gone, and of which something is remembered: what
// failed once is known when it is plugged in again.
inline constexpr size_t kGoneDevicesKept = 10'000;
// Names that are guessed at in the answer to one request: each guess looks at every known name.
inline constexpr size_t kSuggestionsPerRequestMax = 8;
inline constexpr size_t kListersMax = 16;                  // of one worker
inline constexpr size_t kListerLineBytesMax = 64 << 10;    // the largest profile is far below
inline constexpr size_t kListedProfileBytesMax = 4 << 10;  // keys and values of one device
inline constexpr size_t kListedBytesMax = 4 << 20;    // of one worker: they go with each full Sync
inline constexpr uint32_t kQuarantineAfterMax = 100;  // failures in a row
// Runs of one repair action kept for one device: a day of one in three minutes. A strategy may not
// allow more a day.
inline constexpr size_t kActionUsesKept = 512;
inline constexpr uint32_t kActionsPerDayMax = kActionUsesKept;
// Repair actions of one device whose runs are kept: those used last.
inline constexpr size_t kActionTagsKept = 64;
// Levels of verification that a device was found good at, remembered for jobs that want a fresh
// one.
inline constexpr size_t kVerifyLevelsKept = 16;
// Verifications and repairs for one job that came to nothing. 16 devices may each fail both and be
// replaced once.
inline constexpr uint32_t kChildrenPerTaskMax = 64;
// Back-offs of a failed device: more would outlast anybody's patience.
inline constexpr size_t kReverifyStepsMax = 16;

// --- the wire ---
inline constexpr size_t kMessageBytesMax = 16 << 20;  // of one frame
inline constexpr size_t kNestingMax = 16;             // pointers deep; nothing of ours is past 8
// Memory that lists of a decoded frame may take, as a multiple of its size. Ours take less than 6.
inline constexpr size_t kDecodeExpansionMax = 8;
inline constexpr size_t kSubmitTasksMax = 1'024;  // of one Submit
inline constexpr size_t kGuidsPerRequestMax = 10'000;
inline constexpr size_t kReportsPerSyncMax = 1'024;
inline constexpr size_t kReportBytesPerSyncMax = 1 << 20;
inline constexpr size_t kReportsInFlightMax = 8'192;  // sent and not acknowledged, of one worker
// Reports of one worker that nobody has acknowledged: beyond either, what its jobs say waits in
// their journals. More than may be in flight, so that the window stays full.
inline constexpr size_t kReportsHeldMax = 2 * kReportsInFlightMax;
inline constexpr size_t kReportBytesHeldMax = 64 << 20;
inline constexpr size_t kReportBytesMax = 64 << 10;  // of one report; longer messages are cut
inline constexpr size_t kAssignmentsPerDesiredMax = 1'024;
inline constexpr uint32_t kSlotsMax = 10'000;  // of one worker
inline constexpr uint32_t kCreditMax = 12'000;
inline constexpr size_t kPoolsPerWorkerMax = 256;
inline constexpr size_t kFetchBytesMax = 8 << 20;
inline constexpr Duration kFetchWaitMax = std::chrono::seconds(30);
inline constexpr size_t kListTasksMax = 10'000;
inline constexpr size_t kNamePatternBytesMax = 1 << 10;  // each task's name is matched against it
// An answer that lists things of any length stops here: the receiver would refuse the whole
// message.
inline constexpr size_t kListBytesMax = kMessageBytesMax / 2;
inline constexpr size_t kPeersMax = 20'000;  // connected at once
inline constexpr size_t kWatchesPerPeerMax = 2'000'000;
inline constexpr int kSocketQueueMax = 10'000;  // messages, either way, per connection

// --- time ---
// Latest instant and longest duration on the wire, in microseconds: the year 2255. Sums of some
// hundreds of them do not overflow, and JSON's numbers hold them exactly.
inline constexpr int64_t kTimeUsMax = int64_t{1} << 53;
// A dead peer is seen within 30 s with these defaults.
inline constexpr Duration kBeatDefault = std::chrono::seconds(2);
inline constexpr Duration kLeaseDefault = std::chrono::seconds(20);
inline constexpr Duration kLeaseMin = std::chrono::milliseconds(200);
// A worker ends its lease this much (one part in eight) before the broker does: clocks drift.
inline constexpr int64_t kLeaseMarginDivisor = 8;
inline constexpr Duration kPeerSilenceMax = std::chrono::seconds(60);
// A duration in a file or flag. A century from now still fits an Instant.
inline constexpr Duration kDurationTextMax = std::chrono::hours(24 * 36'500);

// --- what jobs say (workers/job_api.h) ---
// Of one line to the job's socket: the largest shout, with room for the rest of its object.
inline constexpr size_t kApiLineBytesMax = 64 << 10;
inline constexpr size_t kShoutBytesMax = kReportBytesMax / 2;
inline constexpr size_t kApiConnectionsMax = 64;  // of one attempt
// Requests of one attempt: so many at once, and so many a second after that.
inline constexpr uint32_t kApiBurstMax = 2'000;
inline constexpr uint32_t kApiRequestsPerSecond = 500;
// Reports of one attempt, those that its files hold included: about 100 MB of the broker's log.
inline constexpr uint64_t kReportsPerAttemptMax = 500'000;
inline constexpr uint64_t kReportBytesPerAttemptMax = 128ull << 20;
// Of the files that one attempt pushes, and once more of those that it leaves to be collected.
inline constexpr uint64_t kPushedBytesMax = 16ull << 30;
inline constexpr size_t kPushedFilesMax = 10'000;
// Of one step, kept until it has ended.
inline constexpr size_t kResultsPerStepMax = 100'000;
inline constexpr size_t kResultBytesPerStepMax = 32 << 20;
inline constexpr size_t kCaseNameBytesMax = 1 << 10;  // of a suite or a case
// Report files are read in pieces, so their size is not bounded; what one piece must hold is.
inline constexpr size_t kXmlTagBytesMax = 4
                                          << 20;  // googletest writes whole messages as attributes
inline constexpr size_t kXmlDepthMax = 64;
inline constexpr size_t kJsonDepthMax = 64;
inline constexpr size_t kCsvFieldBytesMax = kMessageLengthMax;

// --- the log ---
inline constexpr size_t kBlockEventsMax = 16'384;
inline constexpr size_t kBlockBytesMax = 8 << 20;
// Below this much free space new work is refused; what runs can still be recorded.
inline constexpr uint64_t kDiskReserveBytes = 64ull << 20;

// --- the daemons' own logs (HOME/logs, io/logging.h) ---
inline constexpr size_t kLogLineBytesMax = 8 << 10;  // of a message; the rest of it is cut
inline constexpr uint64_t kLogFileBytesDefault = 10 << 20;
// The longest line, in JSON's escapes, must fit.
inline constexpr uint64_t kLogFileBytesMin = 64 << 10;
inline constexpr uint64_t kLogFileBytesMax = 1ull << 30;
inline constexpr uint32_t kLogFilesDefault = 5;  // of one daemon, the one that is written included
inline constexpr uint32_t kLogFilesMax = 1'000;
// Lines of one daemon that become events: so many at once, and one each interval after that, 28,800
// a day. The rest is counted.
inline constexpr uint32_t kLogEventsBurst = 20;
inline constexpr Duration kLogEventInterval = std::chrono::seconds(3);
inline constexpr size_t kLogLinesHeldMax = 256;  // that the broker has not recorded yet
inline constexpr size_t kLogLinesPerTellMax = 64;
inline constexpr size_t kLogTellersMax = kPeersMax;  // daemons whose lines became events, ever

// --- the archive ---
inline constexpr size_t kArtifactNameBytesMax = 1'024;
inline constexpr size_t kArtifactPartBytesMax = 255;  // file systems take no longer names
inline constexpr size_t kArtifactDepthMax = 17;       // 16 folders and the file
// Of one append over HTTP: it is in memory until it is whole, once for each connection.
inline constexpr size_t kArchiveAppendBytesMax = 1 << 20;
// Each has a thread while it is open. A follower of a log holds one.
inline constexpr size_t kHttpConnectionsMax = 512;
inline constexpr size_t kHttpHeadersMax = 64;                          // of one request
inline constexpr Duration kArchiveWaitMax = std::chrono::seconds(30);  // of one long poll
inline constexpr Duration kArchiveKeepDefault = std::chrono::hours(24 * 30);
inline constexpr uint64_t kArchiveBytesDefault = 50ull << 30;
inline constexpr uint64_t kArchiveBytesMin = 1 << 20;
// A file that nobody has completed is still being written, for so long after its last byte: no
// attempt may run longer.
inline constexpr Duration kArchiveWritingMax = kTimeoutMax;

// --- sinks ---
// Letters of one sink. So many refusals mean that the place is wrong, not the events: the sink
// waits for somebody to look.
inline constexpr size_t kDeadLettersMax = 10'000;
inline constexpr uint64_t kDeadLetterBytesMax = 256ull << 20;

// --- the worker's disk ---
// Below this much free space a worker takes no new work and its console logs stop growing: before
// the broker, which may share the disk, must refuse work. A worker's configuration may say another.
inline constexpr uint64_t kWorkerReserveBytes = 72ull << 20;
// Of one attempt's console log; the rest is dropped. Likewise.
inline constexpr uint64_t kConsoleLogBytesMax = 1ull << 30;
// What a worker writes around it: the header with the task in JSON's escapes, notes, the trailer.
inline constexpr uint64_t kConsoleLogFrameBytesMax = 8 << 20;
inline constexpr uint64_t kConsoleLogBytesMin = 4 << 10;  // less would hold no error message
// A mirror of a git repository that was not used for so long is removed. The trees of attempts
// share its objects, and none may run longer.
inline constexpr Duration kGitMirrorKeep = kTimeoutMax + std::chrono::hours(24);

}  // namespace muster
