-- What became of the devices.

-- Every change of a device's health, oldest first.
CREATE TABLE device_health (
  device NAME NOT NULL,
  seq INTEGER NOT NULL,           -- of the event
  time_us INTEGER NOT NULL,
  health WORD NOT NULL,
  reason TEXT NOT NULL,
  who TEXT NOT NULL,              -- user@host, or broker
  guid GUID,                      -- of the task that showed it
  until_us INTEGER,               -- it is left alone until then
  failures INTEGER NOT NULL,      -- in a row
  PRIMARY KEY (device, seq)
) STRICT, WITHOUT ROWID;
