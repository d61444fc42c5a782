-- Programs lose the slots that they hold. What is in use is counted anew within a minute.

DELETE FROM corral.limit_leases WHERE job IS NULL;
ALTER TABLE corral.limit_leases
    DROP COLUMN program,
    ALTER COLUMN job SET NOT NULL,
    ALTER COLUMN attempt SET NOT NULL;
