-- Work that was ordered, is being done, or was done. Times are the database's, because leases of many machines are compared.
CREATE TABLE jobs (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind <> ''),
    version integer NOT NULL CHECK (version > 0),
    tenant_id uuid,
    instance_id uuid,
    payload jsonb NOT NULL,
    state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'succeeded', 'failed')),
    -- Starts, without those that were handed back by a worker that stopped.
    attempts integer NOT NULL DEFAULT 0,
    -- Starts because the worker before had died or was cut off.
    takeovers integer NOT NULL DEFAULT 0,
    -- A queued job is not begun before.
    run_after timestamptz NOT NULL DEFAULT now(),
    -- Who has it, or had it last.
    worker text,
    -- Another one at each start: a worker that lost its lease can write nothing, even if it took the same job again.
    lease uuid,
    lease_until timestamptz,
    -- {"done": 3, "total": 7}
    progress jsonb,
    -- [{"at": …, "text": …}], bounded by logged().
    log jsonb NOT NULL DEFAULT '[]',
    last_error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    CONSTRAINT jobs_lease_check CHECK ((state = 'running') = (lease IS NOT NULL) AND (lease IS NULL) = (lease_until IS NULL)),
    CONSTRAINT jobs_finished_check CHECK ((state IN ('succeeded', 'failed')) = (finished_at IS NOT NULL))
);

CREATE INDEX jobs_waiting ON jobs (run_after, id) WHERE state = 'queued';
CREATE INDEX jobs_leased ON jobs (lease_until) WHERE state = 'running';
CREATE INDEX jobs_of_instance ON jobs (instance_id, id);
CREATE INDEX jobs_in_state ON jobs (state, id);

-- A job's log with one more line: the newest 200 lines of at most 2000 characters are kept.
CREATE FUNCTION logged(log jsonb, line text) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_path_query_array(log || jsonb_build_object('at', now(), 'text', left(line, 2000)), '$[last - 199 to last]')
$$;
