-- What operators set for single job types, and what code declared for queues, is forgotten.

ALTER TABLE corral.queues DROP COLUMN declared_version, DROP COLUMN declared;
ALTER TABLE corral.job_types DROP COLUMN handled_by, DROP COLUMN overrides;
