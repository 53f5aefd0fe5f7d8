// The journal of a supervised attempt: what it has said so far, in one file that only its
// supervisor appends to and only the worker reads (attempts/<guid>/<n>/journal). The Ending is the
// last record.
//
//   journal := record*
//   record  := size:u32 crc:u32 report      little-endian; crc is CRC-32 (IEEE) of the report's
//                                           `size` bytes, which are encode_report's
//
// Report::seq is the record's number from 1, Report::time the supervisor's clock. Nothing is
// synced: a journal must outlive processes, not the machine, with which its attempt ends. A file
// cut at any byte holds the records before the cut.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "core/report.h"
#include "core/result.h"
#include "io/file.h"

namespace muster {

class JournalWriter {
 public:
  // Creates `path`, which must not hold anything yet.
  Result<Done> open(const std::string& path);

  // Goes on with one whose writer has died. What it wrote last, and not wholly, goes.
  Result<Done> reopen(const std::string& path);

  // Adds a record and writes it when there is room; otherwise it waits for the next flush, with all
  // that follows it.
  void append(const AttemptToken& token, Instant time, ReportBody body);
  // Writes what waits. The reason why something still does.
  Result<Done> flush();

  // Bytes of whole records that are in the file.
  uint64_t size() const { return size_; }
  bool flushed() const { return waiting_.empty(); }

 private:
  std::string path_;
  UniqueFd fd_;
  std::deque<std::string> waiting_;
  uint64_t size_ = 0;
  uint64_t records_ = 0;
};

// How far the reports of an attempt's journal have been taken. Kept by the spool, in one
// transaction with the reports themselves.
struct JournalMark {
  AttemptToken token;
  uint64_t bytes = 0;
  bool ended = false;   // the Ending was among them
  bool forget = false;  // and nothing of it is left that could be taken again
};

class JournalReader {
 public:
  // `offset`: where to go on, as an earlier reader's offset() said.
  explicit JournalReader(std::string path, uint64_t offset = 0)
      : path_(std::move(path)), offset_(offset) {}

  // Some of the reports that follow; none: there is no whole record more, or no file.
  std::vector<Report> read_some();

  // Past the last record that was read.
  uint64_t offset() const { return offset_; }

 private:
  std::string path_;
  UniqueFd fd_;
  uint64_t offset_;
};

}  // namespace muster
