-- Only expands. What the release before this one does not write, triggers write for it: so the numbers are right
-- whichever release ends a job, folds statistics, retries or removes. See docs/adr/0015. What has to be computed over
-- rows that are there already follows when this is committed: see corral.store.leader.backfills.

-- Jobs that have ended and are still stored, by what they ended as. Three parts are added up: this one, what was
-- retried or removed since (job_count_deltas), and endings that are not folded yet (job_stats_deltas).
CREATE TABLE corral.job_counts (
    queue text   NOT NULL,
    type  text   NOT NULL,
    state text   NOT NULL,
    count bigint NOT NULL,
    CONSTRAINT job_counts_pkey PRIMARY KEY (queue, type, state)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 500);

CREATE TABLE corral.job_count_deltas (
    queue text   NOT NULL,
    type  text   NOT NULL,
    state text   NOT NULL,
    count bigint NOT NULL
) WITH (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0);

-- The statistics once more by hour and by day, of UTC: a window of a month reads thirty days, not 43,200 minutes.
CREATE TABLE corral.job_stats_rollups (
    span    text             NOT NULL,
    start   timestamptz      NOT NULL,
    queue   text             NOT NULL,
    type    text             NOT NULL,
    outcome text             NOT NULL,
    measure text             NOT NULL,
    bucket  smallint         NOT NULL,
    count   bigint           NOT NULL,
    sum     double precision NOT NULL,
    CONSTRAINT job_stats_rollups_pkey PRIMARY KEY (span, start, queue, type, outcome, measure, bucket)
) WITH (fillfactor = 80);

-- What had to be computed once over the rows of older releases, and was.
CREATE TABLE corral.backfills (
    name    text        NOT NULL,
    done_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT backfills_pkey PRIMARY KEY (name)
);

-- Folding: what is added to a minute is added to its hour, its day, and the counts of what has ended.
CREATE FUNCTION corral.add_job_stats(changes corral.job_stats[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO corral.job_stats_rollups AS r (span, start, queue, type, outcome, measure, bucket, count, sum)
    SELECT s.span, date_trunc(s.span, c.minute, 'UTC'), c.queue, c.type, c.outcome, c.measure, c.bucket,
           sum(c.count), sum(c.sum)
    FROM unnest(changes) c CROSS JOIN (VALUES ('day'), ('hour')) s(span)
    GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7
    ON CONFLICT (span, start, queue, type, outcome, measure, bucket)
    DO UPDATE SET count = r.count + excluded.count, sum = r.sum + excluded.sum;
    INSERT INTO corral.job_counts AS n (queue, type, state, count)
    SELECT c.queue, c.type, c.outcome, sum(c.count) FROM unnest(changes) c
    WHERE c.measure = 'run' AND c.outcome IN ('completed', 'failed', 'cancelled')
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (queue, type, state) DO UPDATE SET count = n.count + excluded.count;
$$;
CREATE FUNCTION corral.roll_up_job_stats() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changes corral.job_stats[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(ROW(a.minute, a.queue, a.type, a.outcome, a.measure, a.bucket, a.count, a.sum)::corral.job_stats)
        INTO changes FROM after a;
    ELSE
        SELECT array_agg(c.change) INTO changes FROM (
            SELECT ROW(a.minute, a.queue, a.type, a.outcome, a.measure, a.bucket, a.count, a.sum)::corral.job_stats
            FROM after a
            UNION ALL
            SELECT ROW(b.minute, b.queue, b.type, b.outcome, b.measure, b.bucket, -b.count, -b.sum)::corral.job_stats
            FROM before b
        ) c(change);
    END IF;
    PERFORM corral.add_job_stats(changes);
    RETURN NULL;
END $$;
CREATE TRIGGER job_stats_added AFTER INSERT ON corral.job_stats
    REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION corral.roll_up_job_stats();
CREATE TRIGGER job_stats_changed AFTER UPDATE ON corral.job_stats
    REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION corral.roll_up_job_stats();

-- Removing: what is gone is taken off, and its files belong to nobody, which the sweep looks for among the unpublished.
CREATE FUNCTION corral.take_off_removed_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO corral.job_count_deltas (queue, type, state, count)
    SELECT r.queue, r.type, r.state, -count(*) FROM removed r
    WHERE r.state IN ('completed', 'failed', 'cancelled') GROUP BY 1, 2, 3;
    UPDATE corral.artifacts a SET published_at = NULL FROM removed r WHERE a.job = r.id AND a.published_at IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER jobs_removed AFTER DELETE ON corral.jobs
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION corral.take_off_removed_jobs();

-- A retry is a new life of a job that had ended, and the one thing that sets life: other updates pay nothing for this.
CREATE FUNCTION corral.take_off_retried_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO corral.job_count_deltas (queue, type, state, count) VALUES (OLD.queue, OLD.type, OLD.state, -1);
    RETURN NULL;
END $$;
CREATE TRIGGER jobs_retried AFTER UPDATE OF life ON corral.jobs
    FOR EACH ROW WHEN (OLD.life <> NEW.life AND OLD.state IN ('completed', 'failed', 'cancelled'))
    EXECUTE FUNCTION corral.take_off_retried_job();
