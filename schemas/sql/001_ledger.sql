-- The ledger: what became of every task, for questions of people and reports. The collector's
-- ledger sink is the only writer; everybody else opens it read-only.
--
-- It lies in SQLite or on a MariaDB server; io/sql_dialect.h says how these files are read for each.
-- Times are microseconds since the Unix epoch, UTC. Words (state, verdict, outcome, cause, kind)
-- are those of the documentation. Migrations are numbered files; each runs once, in order, and then
-- its number is noted here: in one transaction where there is one for tables, else (MariaDB) as often
-- as it takes, because what is there already is passed over.
CREATE TABLE schema_version (
  version INTEGER PRIMARY KEY
) STRICT;

-- How far the event log has been taken in: one row, changed with the rows it speaks of.
CREATE TABLE position (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  log_id TEXT NOT NULL,
  seq INTEGER NOT NULL
) STRICT;

-- One row a task, as of the newest event. What is not known yet is NULL.
CREATE TABLE tasks (
  seq INTEGER PRIMARY KEY,        -- of the event that submitted it: newest first is seq DESC
  guid GUID NOT NULL UNIQUE,
  kind WORD NOT NULL,
  name TEXT NOT NULL,
  parent GUID,                    -- GUID of the task on whose behalf it runs
  submitter TEXT NOT NULL,
  pool TEXT,
  priority INTEGER NOT NULL,
  state WORD NOT NULL,
  verdict WORD,                   -- once ended; so are the next six
  outcome WORD,
  cause WORD,
  status INTEGER,                 -- 0 OK ... 9 TIMEOUT
  exit_code INTEGER,
  "signal" INTEGER,
  message TEXT,
  submitted_us INTEGER NOT NULL,
  started_us INTEGER,             -- of the newest attempt
  ended_us INTEGER,
  retry_us INTEGER,               -- queued and backing off until then
  cancelling TEXT,                -- reason of a cancel that was asked for
  attempts INTEGER NOT NULL,
  worker TEXT,                    -- of the newest attempt
  devices TEXT,                   -- of the newest attempt, a JSON array of names
  spec TEXT NOT NULL,             -- what was asked for, as JSON
  work BLOB NOT NULL              -- what the worker is to do, as it crosses the wire
) STRICT;
CREATE INDEX tasks_by_state ON tasks (state, seq);
CREATE INDEX tasks_by_submitted ON tasks (submitted_us);
CREATE INDEX tasks_by_parent ON tasks (parent) WHERE parent IS NOT NULL;

CREATE TABLE attempts (
  guid GUID NOT NULL,
  attempt INTEGER NOT NULL,
  worker TEXT NOT NULL,
  incarnation INTEGER NOT NULL,
  devices TEXT NOT NULL,          -- a JSON array of names
  leased_us INTEGER NOT NULL,
  started_us INTEGER,             -- when the worker said that it began
  ended_us INTEGER,
  log_url TEXT,
  argv TEXT,                      -- of the first child, a JSON array
  outcome WORD,
  cause WORD,
  status INTEGER,
  exit_code INTEGER,
  "signal" INTEGER,
  message TEXT,
  PRIMARY KEY (guid, attempt)
) STRICT, WITHOUT ROWID;

-- One row a test case, or a check of a verification.
CREATE TABLE results (
  seq INTEGER PRIMARY KEY,
  guid GUID NOT NULL,
  attempt INTEGER NOT NULL,
  suite TEXT NOT NULL,
  name TEXT NOT NULL,
  outcome WORD NOT NULL,
  duration_us INTEGER NOT NULL,
  time_us INTEGER NOT NULL,
  message TEXT NOT NULL
) STRICT;
CREATE INDEX results_by_guid ON results (guid, seq);
CREATE INDEX results_by_name ON results (suite PREFIX, name PREFIX, seq);

-- Which attempts held a device, oldest first.
CREATE TABLE device_attempts (
  device NAME NOT NULL,
  seq INTEGER NOT NULL,
  guid GUID NOT NULL,
  attempt INTEGER NOT NULL,
  PRIMARY KEY (device, seq)
) STRICT, WITHOUT ROWID;

-- Every event of the log, whole.
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  time_us INTEGER NOT NULL,
  type WORD NOT NULL,
  guid GUID,                      -- of the task it concerns
  worker TEXT,                    -- that it came from or speaks of
  json TEXT NOT NULL              -- io/event_json.h has its form
) STRICT;
CREATE INDEX events_by_guid ON events (guid, seq) WHERE guid IS NOT NULL;
