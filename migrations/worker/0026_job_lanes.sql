-- The lanes of waiting jobs. A lane is what one tenant has queued of one kind, version and bundle; it is there while a job of it is queued.
-- A claim looks at lanes, not at jobs: those of unknown versions, and those that must wait for a rate or a budget, cost it nothing.
SET LOCAL sevenleague.tenant = '*';

CREATE TABLE job_lanes (
    kind text NOT NULL,
    version integer NOT NULL,
    bundle text NOT NULL,
    tenant_id uuid NOT NULL,
    -- When its next job may be begun. Each claim moves it on, so the lane that has waited longest comes first.
    next_at timestamptz NOT NULL DEFAULT now(),
    -- Why it is not now.
    waits_for text CHECK (waits_for IN ('rate', 'budget')),
    PRIMARY KEY (kind, version, bundle, tenant_id)
);
CREATE INDEX job_lanes_due ON job_lanes (kind, version, bundle, next_at);
CREATE INDEX job_lanes_of_tenant ON job_lanes (tenant_id);
CALL tenant_wall('job_lanes');

-- Whoever queues a job holds its lane until the commit, together with all others who do: a lane is removed only under a lock that excludes
-- them, and only when no job is queued there. Writers of the version before do it too, without knowing.
CREATE FUNCTION enter_lane() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    LOOP
        PERFORM FROM job_lanes WHERE kind = NEW.kind AND version = NEW.version AND bundle = NEW.bundle AND tenant_id = NEW.tenant_id
            FOR KEY SHARE;
        EXIT WHEN FOUND;
        INSERT INTO job_lanes (kind, version, bundle, tenant_id) VALUES (NEW.kind, NEW.version, NEW.bundle, NEW.tenant_id)
            ON CONFLICT DO NOTHING;
        EXIT WHEN FOUND;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER enter_lane AFTER INSERT OR UPDATE OF state ON jobs
    FOR EACH ROW WHEN (NEW.state = 'queued') EXECUTE FUNCTION enter_lane();

INSERT INTO job_lanes (kind, version, bundle, tenant_id)
SELECT DISTINCT kind, version, bundle, tenant_id FROM jobs WHERE state = 'queued';
