-- How fast and how many: jobs that may be begun in a time, of a kind and a tenant, and in a day, of a tenant. What is over waits.

CREATE TABLE job_rates (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    -- NULL: for each tenant that has none of its own.
    tenant_id uuid,
    -- NULL: as many as there are.
    jobs integer CHECK (jobs > 0),
    seconds integer NOT NULL CHECK (seconds > 0),
    revision integer NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL,
    CONSTRAINT job_rates_of_kind_and_tenant UNIQUE NULLS NOT DISTINCT (kind, tenant_id)
);
CALL tenant_wall('job_rates', 'tenant_id IS NULL OR in_scope(tenant_id)');

-- Where the bucket of a kind and tenant with a rate stands: the theoretical arrival time of the next job (GCRA, ITU-T I.371).
CREATE TABLE job_buckets (
    kind text NOT NULL,
    tenant_id uuid NOT NULL,
    next_at timestamptz NOT NULL,
    PRIMARY KEY (kind, tenant_id)
);
CALL tenant_wall('job_buckets');

CREATE TABLE job_budgets (
    tenant_id uuid PRIMARY KEY,
    -- NULL: as many as there are.
    jobs_per_day integer CHECK (jobs_per_day >= 0),
    revision integer NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by text NOT NULL
);
CALL tenant_wall('job_budgets');

-- Jobs begun for the first time on a day (UTC), whether there is a budget or not: one may be given in the middle of a day.
CREATE TABLE job_days (
    tenant_id uuid NOT NULL,
    day date NOT NULL,
    begun integer NOT NULL,
    PRIMARY KEY (tenant_id, day)
);
CALL tenant_wall('job_days');
