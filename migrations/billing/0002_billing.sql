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
    CONSTRAINT cycle_order CHECK (end_at >= start_at),
    CONSTRAINT cycle_cut CHECK ((state = 'open') = (cut_seq IS NULL)),
    CONSTRAINT cycle_due CHECK ((due_at IS NULL) = (state = 'closed' OR parked_reason IS NOT NULL))
);
CREATE UNIQUE INDEX cycle_one_open ON cycle (tenant_id) WHERE state = 'open';
CREATE INDEX cycle_of_tenant ON cycle (tenant_id, id);
CREATE INDEX cycle_of_tenant_by_cut ON cycle (tenant_id, cut_seq);
CREATE INDEX cycle_due ON cycle (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX cycle_unclosed ON cycle (end_at) WHERE state <> 'closed';
CREATE INDEX cycle_parked ON cycle (id) WHERE parked_reason IS NOT NULL;

-- A price that a version of a service announced.
CREATE TABLE rate (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('feature', 'meter')),
    service text NOT NULL,
    -- forum, forum.polls; forum.posts
    name text NOT NULL,
    -- Of the manifest that announced it.
    version text NOT NULL,
    -- 1.10.0 is later than 1.9.0.
    release bigint[] NOT NULL GENERATED ALWAYS AS (string_to_array(version, '.')::bigint[]) STORED,
    title text NOT NULL,
    unit text NOT NULL,
    price numeric NOT NULL CHECK (price >= 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    valid_from timestamptz NOT NULL,
    CONSTRAINT rate_version UNIQUE (service, kind, name, version)
);
CREATE TRIGGER rate_immutable BEFORE UPDATE OR DELETE ON rate FOR EACH ROW EXECUTE FUNCTION refuse_change();

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
    -- What the instance ran when the interval began; null where nobody said so.
    version text,
    -- Nothing of it is left to bill. Where only this is looked at, what is billed further costs no index anything.
    settled boolean NOT NULL GENERATED ALWAYS AS (end_at IS NOT NULL AND billed_until = end_at) STORED,
    CONSTRAINT usage_interval_order CHECK (end_at >= begin_at),
    CONSTRAINT usage_interval_no_overlap EXCLUDE USING gist (instance_id WITH =, feature WITH =, tstzrange(begin_at, end_at, '[)') WITH &&)
) WITH (fillfactor = 80);
CREATE INDEX usage_interval_unbilled ON usage_interval (tenant_id, id) WHERE NOT settled;
CREATE INDEX usage_interval_of_instance ON usage_interval (instance_id, begin_at);
CREATE INDEX usage_interval_of_service ON usage_interval (tenant_id, instance_id, begin_at) WHERE feature = service;

-- The moments at which features were disabled, kept so that an enabling that arrives later finds its end.
CREATE TABLE feature_end (
    instance_id uuid NOT NULL,
    feature text NOT NULL,
    at timestamptz NOT NULL,
    tenant_id uuid NOT NULL,
    PRIMARY KEY (instance_id, feature, at)
);
CREATE TRIGGER feature_end_immutable BEFORE UPDATE OR DELETE ON feature_end FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Which version did an instance run when? From one enabling of the service itself to the next. The only place that says so.
-- Use before the first belongs to the first, as clocks differ. Where nobody said the version, it is the latest that had been announced: that is what the
-- configurator enables.
CREATE VIEW instance_version WITH (security_invoker) AS
SELECT tenant_id, instance_id, service,
       coalesce(version, (SELECT r.version FROM rate r WHERE r.service = i.service AND r.valid_from <= i.begin_at ORDER BY r.release DESC LIMIT 1)) AS version,
       CASE WHEN lag(begin_at) OVER enabled IS NULL THEN '-infinity' ELSE begin_at END AS from_at,
       lead(begin_at) OVER enabled AS until_at
FROM usage_interval i WHERE feature = service
WINDOW enabled AS (PARTITION BY tenant_id, instance_id, service ORDER BY begin_at);

CALL tenant_wall('account');
CALL tenant_wall('cycle');
CALL tenant_wall('usage_interval');
CALL tenant_wall('feature_end');
