-- What the jobs brought.

-- The commits that attempts ran.
CREATE TABLE sources (
  seq INTEGER PRIMARY KEY,        -- of the event
  guid GUID NOT NULL,
  attempt INTEGER NOT NULL,
  time_us INTEGER NOT NULL,
  url TEXT NOT NULL,
  ref TEXT NOT NULL,              -- as asked for
  sha TEXT NOT NULL               -- the commit, in full
) STRICT;
CREATE INDEX sources_by_guid ON sources (guid, seq);

-- The files that attempts left. Of two with one name in an attempt the newer is the one there is.
CREATE TABLE artifacts (
  seq INTEGER PRIMARY KEY,
  guid GUID NOT NULL,
  attempt INTEGER NOT NULL,
  time_us INTEGER NOT NULL,
  name TEXT NOT NULL,             -- relative, inside the attempt's folder
  url TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL
) STRICT;
CREATE INDEX artifacts_by_guid ON artifacts (guid, seq);

-- One row a row of a table of measurements.
CREATE TABLE measurements (
  seq INTEGER PRIMARY KEY,
  guid GUID NOT NULL,
  attempt INTEGER NOT NULL,
  time_us INTEGER NOT NULL,
  table_name NAME NOT NULL,
  row TEXT NOT NULL               -- a JSON object of column and value; integers keep every digit
) STRICT;
CREATE INDEX measurements_by_guid ON measurements (guid, seq);
CREATE INDEX measurements_by_table ON measurements (table_name, seq);
