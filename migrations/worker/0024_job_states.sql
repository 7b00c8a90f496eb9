-- A job can also wait until an instant (snoozed) and be cancelled; it has a priority, and at most one of a key is unfinished.
-- Workers of the version before go on beside this: they leave snoozed jobs alone, as they look for queued ones only, and what they put
-- off themselves stays queued, which newer ones understand. Their lists of jobs cannot show a snoozed or cancelled one.
SET LOCAL sevenleague.tenant = '*';

ALTER TABLE jobs
    DROP CONSTRAINT jobs_state_check,
    DROP CONSTRAINT jobs_finished_check,
    -- Not checked for the rows that are there, so that nobody waits: they had fewer states.
    ADD CONSTRAINT jobs_state_check
        CHECK (state IN ('queued', 'snoozed', 'running', 'succeeded', 'failed', 'cancelled')) NOT VALID,
    ADD CONSTRAINT jobs_finished_check
        CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)) NOT VALID,
    -- Among the jobs of a tenant, kind, version and bundle 1 is begun first.
    ADD COLUMN priority smallint NOT NULL DEFAULT 5 CONSTRAINT jobs_priority_check CHECK (priority BETWEEN 1 AND 9),
    ADD COLUMN unique_key text,
    -- W3C Trace Context of the order.
    ADD COLUMN traceparent text,
    -- What the job gave.
    ADD COLUMN output jsonb,
    -- Who wants it to end; a worker that has it hears that at its next heartbeat.
    ADD COLUMN cancelled_by text,
    -- A day's budget is charged once a job, however often it is begun.
    ADD COLUMN first_started_at timestamptz;

-- A second order with the key of an unfinished job is that job: whoever gave it hears of the same end, under the id of the own order.
CREATE UNIQUE INDEX jobs_unique_key ON jobs (tenant_id, kind, unique_key)
    WHERE unique_key IS NOT NULL AND state IN ('queued', 'snoozed', 'running');

CREATE TABLE job_orders (
    id uuid PRIMARY KEY,
    job_id uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
    tenant_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX job_orders_of_job ON job_orders (job_id);
CALL tenant_wall('job_orders');

-- A claim reads from here, lane by lane (0026).
CREATE INDEX jobs_next ON jobs (kind, version, bundle, tenant_id, priority, run_after, id) WHERE state = 'queued';
DROP INDEX jobs_due;
CREATE INDEX jobs_snoozed ON jobs (run_after) WHERE state = 'snoozed';
-- What is removed when it has been kept for long enough.
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_of_tenant ON jobs (tenant_id, id);
