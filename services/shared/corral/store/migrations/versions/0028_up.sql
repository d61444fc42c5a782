-- Only expands: the release before this one does not write the column, and the workers of releases that know no limits
-- are among those. What serves now has registered before: its rows say false until it registers anew.

ALTER TABLE corral.workers ADD COLUMN keeps_limits boolean NOT NULL DEFAULT false;
