-- Uploads go: the release before this one knows no artifact without a job. Files in a folder are swept there as strays.

DELETE FROM corral.artifact_chunks c USING corral.artifacts a WHERE a.id = c.artifact AND a.job IS NULL;
DELETE FROM corral.artifacts WHERE job IS NULL;
DROP TABLE corral.uploads;
ALTER TABLE corral.artifacts ALTER COLUMN job SET NOT NULL;
