-- Only expands: the release before this one neither reads nor writes these columns, and they may be null.

ALTER TABLE corral.limit_keys
    ADD COLUMN parked_by     uuid,
    ADD COLUMN parked_reason text,
    ADD COLUMN reserved      double precision;
