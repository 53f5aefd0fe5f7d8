// The event log in one SQLite file: WAL, synchronous=FULL, one row a block, no index but its
// position.
//
//   meta(key TEXT PRIMARY KEY, value)        log_id, epoch, format
//   blocks(first INTEGER PRIMARY KEY, count INTEGER, bytes BLOB)
//   readers(name TEXT PRIMARY KEY, needs INTEGER, heard INTEGER)
//
// `bytes` are those of encode_block, or an LZ4 frame of them (io/lz4.h) where that is smaller: what
// the disk has to take bounds how many events a second become durable. Format 1 had no frames.
//
// Snapshots are files beside it (io/snapshot_files.h). What is trimmed leaves pages in the file
// that new blocks take.
//
// A lock file beside it (flock) keeps a second broker of the same machine out; the epoch fences one
// that slept through its successor's start. A ballast file is given up when the disk is full, so
// that what runs can still be recorded.
#pragma once

#include <memory>
#include <string>

#include "core/limits.h"
#include "io/event_log.h"

namespace muster {

struct SqliteLogOptions {
  // Set aside, where at least twice as much is free. 0: nothing.
  uint64_t ballast_bytes = kDiskReserveBytes;
  // Size that the write-ahead file gets at once: syncing what overwrites is half as dear as syncing
  // what grows a file. Enough for all the pages that gather between two checkpoints, and for a
  // large batch. 0: it grows.
  uint64_t wal_bytes = 20 << 20;
};

// Opens or creates the log in `dir` (made if missing) for writing. Errors say what to do: another
// broker holds it (with its pid), not a muster log, a newer format, unwritable, disk full.
// One thread may read while another appends.
Result<std::unique_ptr<EventLog>> open_event_log_sqlite(const std::string& dir,
                                                        const SqliteLogOptions& options = {});

// Opens the log in `dir` for reading, whoever writes it, as it is now: what is appended later is
// not seen, and what is trimmed meanwhile makes a read fail. No lock is taken and no epoch begins.
Result<std::unique_ptr<LogView>> view_event_log_sqlite(const std::string& dir);

}  // namespace muster
