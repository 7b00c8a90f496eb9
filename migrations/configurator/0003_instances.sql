-- One tenant's copies of services.
CREATE TABLE instances (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    service text NOT NULL,
    version text NOT NULL,
    host text NOT NULL CHECK (host = lower(host) AND length(host) <= 253),
    state text NOT NULL CHECK (state IN ('requested', 'provisioning', 'awaiting_setup', 'migrating', 'seeding', 'active', 'deleted')),
    state_since timestamptz NOT NULL,
    -- Why the step under way failed, for people; null while nothing failed.
    reason text,
    -- Goes up by one at each change that a product service can see.
    generation bigint NOT NULL DEFAULT 1 CHECK (generation > 0),
    settings jsonb NOT NULL DEFAULT '{}',
    -- The job whose end moves the instance on; the end of any other job moves nothing.
    job_id uuid,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    -- Provisioning: who has it in hand, from when on anybody may take it, how often it was refused since the last retry.
    claimed_by uuid,
    due_at timestamptz NOT NULL,
    refusals integer NOT NULL DEFAULT 0,
    CONSTRAINT instances_of_a_version FOREIGN KEY (service, version) REFERENCES service_versions (service, version),
    CONSTRAINT instances_job_while_working CHECK (job_id IS NULL OR state IN ('migrating', 'seeding'))
);

-- A deleted instance gives its host free.
CREATE UNIQUE INDEX instances_host ON instances (host) WHERE state <> 'deleted';
CREATE INDEX instances_tenant ON instances (tenant_id, id);
CREATE INDEX instances_due ON instances (due_at) WHERE state IN ('requested', 'provisioning') AND reason IS NULL;
CREATE INDEX instances_changed ON instances (changed_at);
CREATE UNIQUE INDEX instances_job ON instances (job_id) WHERE job_id IS NOT NULL;

-- The modules that a tenant chose, and those that it had.
CREATE TABLE instance_modules (
    instance_id uuid NOT NULL REFERENCES instances (id),
    module text NOT NULL,
    -- Place in the order in which modules are migrated: a module comes after those it depends on.
    place integer NOT NULL,
    enabled_at timestamptz,
    removed_at timestamptz,
    CONSTRAINT instance_modules_in_order CHECK (removed_at IS NULL OR removed_at >= enabled_at)
);

CREATE UNIQUE INDEX instance_modules_once ON instance_modules (instance_id, module) WHERE removed_at IS NULL;
CREATE INDEX instance_modules_of ON instance_modules (instance_id);

-- Ciphertexts (AES-256-GCM), apart from what is read every day.
CREATE TABLE instance_secrets (
    instance_id uuid PRIMARY KEY REFERENCES instances (id),
    owner_password bytea NOT NULL,
    app_password bytea NOT NULL,
    -- Null once the setup form was taken.
    setup_code bytea
);

-- Whoever listens hears of each change when it is committed, whichever transaction made it.
CREATE FUNCTION announce_instance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('instance_changed', NEW.host);
    RETURN NULL;
END
$$;

CREATE TRIGGER instances_announced AFTER INSERT OR UPDATE OF generation ON instances
    FOR EACH ROW EXECUTE FUNCTION announce_instance();
