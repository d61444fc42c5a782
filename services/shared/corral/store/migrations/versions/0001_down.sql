-- Removes every table of the engine, and what is in them.

DROP TABLE corral.audit;
DROP TABLE corral.sessions;
DROP TABLE corral.sign_in_links;
DROP TABLE corral.api_keys;
DROP TABLE corral.job_stats;
DROP TABLE corral.job_stats_deltas;
DROP TABLE corral.leases;
DROP TABLE corral.workers;
DROP TABLE corral.queues;
DROP TABLE corral.job_types;
DROP TABLE corral.artifact_chunks;
DROP TABLE corral.artifacts;
DROP TABLE corral.job_logs;
DROP TABLE corral.attempts;
DROP TABLE corral.jobs;
