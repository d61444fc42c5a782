-- Only expands: the release before this one neither reads nor writes these columns, and they have defaults.

ALTER TABLE corral.job_types
    ADD COLUMN overrides  jsonb NOT NULL DEFAULT '{}'::jsonb,
    ADD COLUMN handled_by text;

ALTER TABLE corral.queues
    ADD COLUMN declared         jsonb NOT NULL DEFAULT '{}'::jsonb,
    ADD COLUMN declared_version text;
