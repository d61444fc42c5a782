-- The statistics of minutes stay as they are; the rest is computed anew on the way up. Indexes that were built for
-- this revision serve the one before as well.

DROP TRIGGER jobs_retried ON corral.jobs;
DROP TRIGGER jobs_removed ON corral.jobs;
DROP TRIGGER job_stats_changed ON corral.job_stats;
DROP TRIGGER job_stats_added ON corral.job_stats;
DROP FUNCTION corral.take_off_retried_job();
DROP FUNCTION corral.take_off_removed_jobs();
DROP FUNCTION corral.roll_up_job_stats();
DROP FUNCTION corral.add_job_stats(corral.job_stats[]);
DROP TABLE corral.backfills;
DROP TABLE corral.job_stats_rollups;
DROP TABLE corral.job_count_deltas;
DROP TABLE corral.job_counts;
