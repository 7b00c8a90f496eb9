-- Who is billed, what they used, what it cost, and the proof: accounts, cycles, rates, usage, invoices.

-- For the exclusion constraint on plain equality and ranges together.
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE account (
    tenant_id uuid PRIMARY KEY,
    name text NOT NULL,
    -- Where invoices go.
    email text NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    created_at timestamptz NOT NULL
);

CREATE TABLE cycle (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES account,
    state text NOT NULL CHECK (state IN ('open', 'closed')),
    start_at timestamptz NOT NULL,
    end_at timestamptz CHECK (end_at >= start_at),
    CHECK ((state = 'closed') = (end_at IS NOT NULL))
);
CREATE UNIQUE INDEX cycle_one_open ON cycle (tenant_id) WHERE state = 'open';
CREATE INDEX cycle_of_tenant ON cycle (tenant_id, id);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is never changed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

-- A price that a version of a service announced.
CREATE TABLE rate (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('feature', 'meter')),
    service text NOT NULL,
    -- forum, forum.polls; forum.posts
    name text NOT NULL,
    -- Of the manifest that announced it.
    version text NOT NULL,
    title text NOT NULL,
    unit text NOT NULL,
    price numeric NOT NULL CHECK (price >= 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    valid_from timestamptz NOT NULL,
    CONSTRAINT rate_version UNIQUE (service, kind, name, version)
);
CREATE TRIGGER rate_immutable BEFORE UPDATE OR DELETE ON rate FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Each rate with the moment the next one of the same thing takes over. The only place that says which rate holds when.
CREATE VIEW rate_period AS
SELECT rate.*, lead(valid_from) OVER (PARTITION BY service, kind, name, currency ORDER BY valid_from, id) AS valid_until
FROM rate;

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
    CONSTRAINT usage_interval_order CHECK (end_at >= begin_at),
    CONSTRAINT usage_interval_no_overlap EXCLUDE USING gist (instance_id WITH =, feature WITH =, tstzrange(begin_at, end_at, '[)') WITH &&)
);
CREATE INDEX usage_interval_unbilled ON usage_interval (tenant_id, id) WHERE end_at IS NULL OR billed_until <> end_at;

-- The moments at which features were disabled, kept so that an enabling that arrives later finds its end.
CREATE TABLE feature_end (
    instance_id uuid NOT NULL,
    feature text NOT NULL,
    at timestamptz NOT NULL,
    tenant_id uuid NOT NULL,
    PRIMARY KEY (instance_id, feature, at)
);
CREATE TRIGGER feature_end_immutable BEFORE UPDATE OR DELETE ON feature_end FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE invoice (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES account,
    cycle_id uuid NOT NULL REFERENCES cycle,
    state text NOT NULL CHECK (state IN ('draft', 'finalized')),
    number text,
    currency text NOT NULL,
    total_minor bigint NOT NULL,
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    issued_at timestamptz NOT NULL,
    CONSTRAINT invoice_once_a_cycle UNIQUE (cycle_id),
    CONSTRAINT invoice_number_once UNIQUE (number),
    CHECK ((state = 'finalized') = (number IS NOT NULL))
);
CREATE INDEX invoice_of_tenant ON invoice (tenant_id, id);

CREATE TABLE invoice_line (
    id uuid PRIMARY KEY,
    invoice_id uuid NOT NULL REFERENCES invoice,
    tenant_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('feature', 'meter')),
    service text NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    quantity numeric NOT NULL,
    unit text NOT NULL,
    rate_id uuid NOT NULL REFERENCES rate,
    price numeric NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    components jsonb NOT NULL,
    input_count bigint NOT NULL,
    input_sha256 bytea NOT NULL CHECK (octet_length(input_sha256) = 32)
);
CREATE INDEX invoice_line_of_invoice ON invoice_line (invoice_id, id);

-- Which part of which interval a line is made of. A part that runs backwards takes back what an earlier invoice took too much.
CREATE TABLE invoice_line_interval (
    line_id uuid NOT NULL REFERENCES invoice_line,
    interval_id uuid NOT NULL REFERENCES usage_interval,
    tenant_id uuid NOT NULL,
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    PRIMARY KEY (line_id, interval_id)
);

CREATE TABLE usage_event (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    service text NOT NULL,
    key text NOT NULL,
    instance_id uuid NOT NULL,
    meter text NOT NULL,
    quantity numeric NOT NULL CHECK (quantity >= 0),
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    -- The line that billed it.
    line_id uuid REFERENCES invoice_line,
    CONSTRAINT usage_event_once UNIQUE (tenant_id, service, key)
);
CREATE INDEX usage_event_unbilled ON usage_event (tenant_id, id) WHERE line_id IS NULL;
CREATE INDEX usage_event_of_line ON usage_event (line_id, id) WHERE line_id IS NOT NULL;

-- An event is billed once; nothing else about it ever changes.
CREATE FUNCTION only_bill_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.line_id IS NOT NULL OR to_jsonb(NEW) - 'line_id' <> to_jsonb(OLD) - 'line_id' THEN
        RAISE EXCEPTION 'usage_event % is never changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER usage_event_immutable BEFORE UPDATE OR DELETE ON usage_event FOR EACH ROW EXECUTE FUNCTION only_bill_once();

CREATE FUNCTION refuse_change_of_finalized() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'finalized' THEN
        RAISE EXCEPTION 'invoice % is finalized', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER invoice_immutable BEFORE UPDATE OR DELETE ON invoice FOR EACH ROW EXECUTE FUNCTION refuse_change_of_finalized();

CREATE FUNCTION refuse_line_of_finalized() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM invoice WHERE id = NEW.invoice_id AND state = 'finalized') THEN
        RAISE EXCEPTION 'invoice % is finalized', NEW.invoice_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invoice_line_of_draft BEFORE INSERT ON invoice_line FOR EACH ROW EXECUTE FUNCTION refuse_line_of_finalized();
CREATE TRIGGER invoice_line_immutable BEFORE UPDATE OR DELETE ON invoice_line FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION refuse_part_of_finalized() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM invoice_line l JOIN invoice i ON i.id = l.invoice_id WHERE l.id = NEW.line_id AND i.state = 'finalized') THEN
        RAISE EXCEPTION 'the invoice of line % is finalized', NEW.line_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invoice_line_interval_of_draft BEFORE INSERT ON invoice_line_interval FOR EACH ROW EXECUTE FUNCTION refuse_part_of_finalized();
CREATE TRIGGER invoice_line_interval_immutable BEFORE UPDATE OR DELETE ON invoice_line_interval FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The last invoice number given. A row and not a sequence, so that a rolled-back close leaves no gap.
CREATE TABLE invoice_counter (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    last bigint NOT NULL
);
INSERT INTO invoice_counter (last) VALUES (0);
