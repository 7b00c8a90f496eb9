-- Workers take only what they can do: a handler of that kind and version, and the bundle on their disk. One that lacks either leaves the job to others.
SET LOCAL sevenleague.tenant = '*';

-- `forum/1.0.0`; empty if the job names no bundle that could lie on a disk, so that any worker may take it, and say what is wrong.
CREATE FUNCTION bundle_of(payload jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(payload -> 'service') = 'string' AND payload ->> 'service' ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'
                 AND jsonb_typeof(payload -> 'bundle_version') = 'string' AND payload ->> 'bundle_version' ~ '^[a-z0-9][a-z0-9_.-]{0,63}$'
                THEN (payload ->> 'service') || '/' || (payload ->> 'bundle_version') ELSE '' END
$$;

ALTER TABLE jobs
    ADD COLUMN bundle text NOT NULL GENERATED ALWAYS AS (bundle_of(payload)) STORED,
    -- How often in a row it was put off because something else was away; such starts are no attempts.
    ADD COLUMN outages integer NOT NULL DEFAULT 0;

-- A claim looks at the first row of each kind, version and bundle that it can do, however many others wait.
CREATE INDEX jobs_due ON jobs (kind, version, bundle, run_after, id) WHERE state = 'queued';
CREATE INDEX jobs_held ON jobs (kind, version, bundle, lease_until) WHERE state = 'running';
-- Their order would tempt the planner to walk past all that others must do.
DROP INDEX jobs_waiting;
DROP INDEX jobs_leased;
