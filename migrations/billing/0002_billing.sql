-- Who is billed, what they used, what it cost, and the proof: accounts, cycles, rates, usage, invoices.

-- For exclusion constraints on plain equality and ranges together.
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is never changed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE TABLE account (
    tenant_id uuid PRIMARY KEY,
    name text NOT NULL,
    -- Where invoices go.
    email text NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- Cycles begin at midnight of this day of the month, in this zone (IANA); of a month that is too short, on its last day.
    time_zone text NOT NULL DEFAULT 'UTC',
    anchor_day smallint NOT NULL DEFAULT 1 CHECK (anchor_day BETWEEN 1 AND 31),
    created_at timestamptz NOT NULL
);

-- Each account has exactly one open cycle; the next begins where it ends. At its cut, usage that comes later is late; then its invoice is made.
CREATE TABLE cycle (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES account,
    state text NOT NULL CHECK (state IN ('open', 'closing', 'closed')),
    start_at timestamptz NOT NULL,
    -- Planned, while it is open.
    end_at timestamptz NOT NULL,
    -- When a closer takes it up, or takes it over from one that died; null when it is closed or parked.
    due_at timestamptz,
    -- Its invoice takes usage up to this sequence number.
    cut_seq bigint,
    -- Why no invoice can be made; somebody must look.
    parked_reason text,
    -- When its invoice is proved from the raw rows, again; null where nobody will.
    proof_due_at timestamptz,
    proved_at timestamptz,
    -- What the last proof found wrong.
    proof_faults text[] NOT NULL DEFAULT '{}',
    CONSTRAINT cycle_order CHECK (end_at >= start_at),
    CONSTRAINT cycle_cut CHECK ((state = 'open') = (cut_seq IS NULL)),
    CONSTRAINT cycle_due CHECK ((due_at IS NULL) = (state = 'closed' OR parked_reason IS NOT NULL))
);
CREATE UNIQUE INDEX cycle_one_open ON cycle (tenant_id) WHERE state = 'open';
CREATE INDEX cycle_of_tenant ON cycle (tenant_id, id);
CREATE INDEX cycle_of_tenant_by_cut ON cycle (tenant_id, cut_seq);
CREATE INDEX cycle_due ON cycle (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX cycle_unclosed ON cycle (end_at) WHERE state <> 'closed';
CREATE INDEX cycle_proof_due ON cycle (proof_due_at) WHERE proof_due_at IS NOT NULL;
CREATE INDEX cycle_faulty ON cycle (id) WHERE proof_faults <> '{}';
CREATE INDEX cycle_parked ON cycle (id) WHERE parked_reason IS NOT NULL;

-- What a service can be had for. The plan that is named like its service is the default: its versions are those of the service, with the prices of their
-- manifests. Operators publish others.
CREATE TABLE plan (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 60),
    service text NOT NULL,
    title text NOT NULL
);
CREATE INDEX plan_of_service ON plan (service, id);

CREATE TABLE plan_version (
    id uuid PRIMARY KEY,
    plan text NOT NULL REFERENCES plan (name),
    version text NOT NULL CHECK (version ~ '^[0-9]{1,9}(\.[0-9]{1,9}){0,3}$'),
    -- 1.10.0 is later than 1.9.0.
    release bigint[] NOT NULL GENERATED ALWAYS AS (string_to_array(version, '.')::bigint[]) STORED,
    published_at timestamptz NOT NULL,
    CONSTRAINT plan_version_once UNIQUE (plan, version)
);
CREATE TRIGGER plan_version_immutable BEFORE UPDATE OR DELETE ON plan_version FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What a feature or a meter costs in a version of a plan.
CREATE TABLE rate (
    id uuid PRIMARY KEY,
    plan text NOT NULL,
    version text NOT NULL,
    release bigint[] NOT NULL GENERATED ALWAYS AS (string_to_array(version, '.')::bigint[]) STORED,
    kind text NOT NULL CHECK (kind IN ('feature', 'meter')),
    -- forum, forum.polls; forum.posts
    name text NOT NULL,
    title text NOT NULL,
    unit text NOT NULL,
    -- How the events of a period become its quantity; a feature's is the sum of its seconds.
    aggregation text NOT NULL CHECK (aggregation IN ('sum', 'count', 'max', 'last')),
    -- How the quantity becomes an amount: a charge model with its prices.
    charge jsonb NOT NULL CHECK (charge ? 'model'),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- Which of a country's rates of VAT is applied to it.
    tax_group text NOT NULL DEFAULT 'standard' CHECK (tax_group ~ '^[a-z][a-z0-9-]{0,39}$'),
    FOREIGN KEY (plan, version) REFERENCES plan_version (plan, version),
    CONSTRAINT rate_once UNIQUE (plan, version, kind, name, currency),
    CONSTRAINT rate_of_feature CHECK (kind = 'meter' OR aggregation = 'sum')
);
CREATE TRIGGER rate_immutable BEFORE UPDATE OR DELETE ON rate FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- From when a tenant pays by which version of which plan; the first of a service holds for all time before it, too.
CREATE TABLE subscription (
    tenant_id uuid NOT NULL,
    service text NOT NULL,
    begin_at timestamptz NOT NULL,
    plan text NOT NULL,
    -- Without a foreign key: a feature may be enabled before its prices are heard of.
    version text NOT NULL CHECK (version ~ '^[0-9]{1,9}(\.[0-9]{1,9}){0,3}$'),
    -- When that was agreed on: of the first, when the service was enabled.
    agreed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, service, begin_at)
);

-- What holds for a tenant, and when. Something that the version of a default plan does not have, such as a module that came later, costs what the version says
-- that was the first to be published with it, from then on: so nothing that is published changes what anybody pays for what they have used. Other plans say all
-- that is to be paid: what they leave out costs nothing.
CREATE VIEW tenant_rate WITH (security_invoker) AS
SELECT s.tenant_id, s.service, s.begin_at AS from_at, s.until_at, r.id, s.plan, r.version, r.kind, r.name, r.title, r.unit, r.aggregation, r.charge, r.currency, r.tax_group,
       CASE WHEN r.version = s.version THEN s.begin_at ELSE greatest(s.begin_at, r.published_at) END AS rate_from_at
FROM (SELECT *, lead(begin_at) OVER (PARTITION BY tenant_id, service ORDER BY begin_at) AS until_at FROM subscription) s
LEFT JOIN LATERAL (
    SELECT DISTINCT ON (kind, name, currency) rate.*, v.published_at
    FROM rate JOIN plan_version v ON v.plan = rate.plan AND v.version = rate.version
    WHERE rate.plan = s.plan
      AND (rate.version = s.version OR s.plan = s.service AND rate.release > string_to_array(s.version, '.')::bigint[])
    ORDER BY kind, name, currency, rate.version = s.version DESC, v.published_at, rate.release
) r ON true;

-- A feature was in use in [begin_at, end_at); without end it still is.
CREATE TABLE usage_interval (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    instance_id uuid NOT NULL,
    service text NOT NULL,
    feature text NOT NULL,
    host text NOT NULL,
    begin_at timestamptz NOT NULL,
    end_at timestamptz,
    -- Up to here invoices have taken it; beyond end_at when the end became known after the invoice.
    billed_until timestamptz NOT NULL,
    -- Of the service, that the instance ran when the interval began; null where nobody said so.
    version text,
    -- Nothing of it is left to bill. Where only this is looked at, what is billed further costs no index anything.
    settled boolean NOT NULL GENERATED ALWAYS AS (end_at IS NOT NULL AND billed_until = end_at) STORED,
    CONSTRAINT usage_interval_order CHECK (end_at >= begin_at),
    CONSTRAINT usage_interval_no_overlap EXCLUDE USING gist (instance_id WITH =, feature WITH =, tstzrange(begin_at, end_at, '[)') WITH &&)
) WITH (fillfactor = 80);
CREATE INDEX usage_interval_unbilled ON usage_interval (tenant_id, id) WHERE NOT settled;
CREATE INDEX usage_interval_of_instance ON usage_interval (instance_id, begin_at);

-- The moments at which features were disabled, kept so that an enabling that arrives later finds its end.
CREATE TABLE feature_end (
    instance_id uuid NOT NULL,
    feature text NOT NULL,
    at timestamptz NOT NULL,
    tenant_id uuid NOT NULL,
    PRIMARY KEY (instance_id, feature, at)
);
CREATE TRIGGER feature_end_immutable BEFORE UPDATE OR DELETE ON feature_end FOR EACH ROW EXECUTE FUNCTION refuse_change();

CALL tenant_wall('account');
CALL tenant_wall('cycle');
CALL tenant_wall('subscription');
CALL tenant_wall('usage_interval');
CALL tenant_wall('feature_end');
