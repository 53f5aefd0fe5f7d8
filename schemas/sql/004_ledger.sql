-- What is needed to know by which strategy a device is repaired that is listed and not declared: its
-- device_specs rows are made of these. Empty, in a ledger of an older muster, until the next
-- inventory.

-- Of the newest inventory, in its order: what may be used undeclared, and whom a strategy is for.
CREATE TABLE inventory_selectors (
  place INTEGER PRIMARY KEY,
  selector TEXT NOT NULL,
  strategy TEXT                   -- NULL: of what may be used undeclared
) STRICT;

-- The devices of the newest inventory.
CREATE TABLE declared_devices (
  device NAME PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- What listers find at present: a row for each key of each device's profile.
CREATE TABLE listed_devices (
  device NAME NOT NULL,
  worker NAME NOT NULL,
  "key" NAME NOT NULL,            -- "name" is always there
  value TEXT NOT NULL,
  PRIMARY KEY (device, worker, "key")
) STRICT, WITHOUT ROWID;
