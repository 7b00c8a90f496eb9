-- Jobs that are ordered again and again, at the times of a cron line (UTC).
CREATE TABLE job_schedules (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    cron text NOT NULL,
    kind text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    tenant_id uuid NOT NULL,
    instance_id uuid,
    payload jsonb NOT NULL,
    -- The tick that is ordered next; whoever orders it moves it on in the same commit.
    next_at timestamptz NOT NULL,
    last_at timestamptz,
    last_job_id uuid,
    paused boolean NOT NULL DEFAULT false,
    revision integer NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL
);
CREATE INDEX job_schedules_due ON job_schedules (next_at) WHERE NOT paused;
CALL tenant_wall('job_schedules');
