-- Only expands: the release before this one counts these slots and ends those that nobody renewed, and does not name who
-- holds them.

ALTER TABLE corral.limit_leases
    ALTER COLUMN job DROP NOT NULL,
    ALTER COLUMN attempt DROP NOT NULL,
    ADD COLUMN program text;
