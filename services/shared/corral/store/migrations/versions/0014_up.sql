-- Only expands. Jobs whose limits count nothing that waits have NULL here, and no entry in the new index, which is built
-- once this is committed: see `settling`. What the release before this one submits is not counted.

ALTER TABLE corral.jobs ADD COLUMN counted_by text[];
