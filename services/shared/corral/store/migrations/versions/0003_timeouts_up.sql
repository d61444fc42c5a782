-- Only expands: the release before this one neither reads nor writes it, and takes such attempts for stalled or released.

-- Written when a timeout strikes and the handler does not end, as a thread that nobody can kill. Compared with attempt,
-- so it is never taken back: of a later attempt it says nothing.
ALTER TABLE corral.jobs
    ADD COLUMN timed_out_attempt  integer,
    ADD COLUMN timed_out_retry_in double precision;
