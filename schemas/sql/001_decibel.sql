-- What a collector has received as a deciBel (docs/decibel.md). Times are microseconds since the
-- epoch, 0: not said. Results: passed, failure, error. Counts include cases that are not listed.
CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT;

CREATE TABLE runs (
  id INTEGER PRIMARY KEY,      -- grows with the time of receipt
  key TEXT NOT NULL UNIQUE,    -- a repeat has the same
  guid TEXT NOT NULL,
  supersedes TEXT NOT NULL,    -- the key of the run in whose place it comes, or empty
  sw TEXT NOT NULL,
  team TEXT NOT NULL,
  framework TEXT NOT NULL,
  name TEXT NOT NULL,
  start_us INTEGER NOT NULL,
  end_us INTEGER NOT NULL,
  iterations INTEGER NOT NULL,
  user TEXT NOT NULL,
  origin TEXT NOT NULL,
  info TEXT NOT NULL,
  comment TEXT NOT NULL,
  git_url TEXT NOT NULL,
  git_sha1 TEXT NOT NULL,
  result TEXT NOT NULL,
  received_us INTEGER NOT NULL
) STRICT;
CREATE INDEX runs_by_end ON runs (end_us);
CREATE INDEX runs_by_guid ON runs (guid);
CREATE INDEX runs_by_name ON runs (name);
CREATE INDEX runs_by_supersedes ON runs (supersedes) WHERE supersedes <> '';

CREATE TABLE suites (
  id INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs (id),
  hw TEXT NOT NULL,
  name TEXT NOT NULL,
  iteration INTEGER NOT NULL,  -- 0: not said
  start_us INTEGER NOT NULL,
  end_us INTEGER NOT NULL,
  log_link TEXT NOT NULL,
  comment TEXT NOT NULL,
  passed INTEGER NOT NULL,
  failure INTEGER NOT NULL,
  error INTEGER NOT NULL,
  skipped INTEGER NOT NULL,
  result TEXT NOT NULL
) STRICT;
CREATE INDEX suites_by_run ON suites (run);

CREATE TABLE cases (
  id INTEGER PRIMARY KEY,
  suite INTEGER NOT NULL REFERENCES suites (id),
  package TEXT NOT NULL,
  name TEXT NOT NULL,
  result TEXT NOT NULL,
  time_us INTEGER NOT NULL,
  info TEXT NOT NULL,
  log_link TEXT NOT NULL,
  comment TEXT NOT NULL
) STRICT;
CREATE INDEX cases_by_suite ON cases (suite);
CREATE INDEX cases_by_name ON cases (name);
