-- What the devices were.

-- What the inventories said of a device, oldest first: a row wherever that changed. A device that
-- is gone keeps its last row.
CREATE TABLE device_specs (
  device NAME NOT NULL,
  seq INTEGER NOT NULL,           -- of the event that applied the inventory
  time_us INTEGER NOT NULL,
  strategy TEXT,                  -- that verifies and repairs it
  model TEXT,                     -- of its profile; else the profile's type
  PRIMARY KEY (device, seq)
) STRICT, WITHOUT ROWID;

-- sqlite only:
INSERT INTO device_specs
  SELECT json_extract(device.value, '$.name'), events.seq, events.time_us,
         json_extract(device.value, '$.strategy'),
         coalesce(json_extract(device.value, '$.profile.model'),
                  json_extract(device.value, '$.profile.type'))
  FROM events, json_each(events.json, '$.devices') AS device
  WHERE events.type = 'inventory_applied';
