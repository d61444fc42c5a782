-- Why limits are parked is forgotten, and what of rates of calls was taken.

ALTER TABLE corral.limit_keys DROP COLUMN reserved, DROP COLUMN parked_reason, DROP COLUMN parked_by;
