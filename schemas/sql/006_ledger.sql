-- A table of measurements is a table of its own, m_..., with a typed column for each that its rows
-- have: seq, guid, attempt, time_us and those. What people call them is here.

CREATE TABLE measure_tables (
  name NAME PRIMARY KEY,
  sql_name NAME NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

CREATE TABLE measure_columns (
  table_name NAME NOT NULL,
  place INTEGER NOT NULL,
  name NAME NOT NULL,
  sql_name NAME NOT NULL,
  type WORD NOT NULL,             -- integer, real, boolean, text or time (microseconds, as ever)
  PRIMARY KEY (table_name, place)
) STRICT, WITHOUT ROWID;
