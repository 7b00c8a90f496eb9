-- Invoices: what one says never changes; what becomes of it is in its status. Its lines are written first, in the same transaction.

CREATE TABLE invoice (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES account,
    cycle_id uuid NOT NULL REFERENCES cycle,
    currency text NOT NULL,
    -- What its lines come to, the VAT on lines, discounts and minimum spends, and what is to be paid: with both, and with credits.
    subtotal_minor bigint NOT NULL,
    tax_minor bigint NOT NULL DEFAULT 0,
    total_minor bigint NOT NULL CHECK (total_minor >= 0),
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    issued_at timestamptz NOT NULL,
    CONSTRAINT invoice_once_a_cycle UNIQUE (cycle_id)
);
CREATE INDEX invoice_of_tenant ON invoice (tenant_id, id);

CREATE TABLE invoice_line (
    id uuid PRIMARY KEY,
    invoice_id uuid NOT NULL REFERENCES invoice DEFERRABLE INITIALLY DEFERRED,
    tenant_id uuid NOT NULL,
    -- A correction adds what came late to a period that an earlier invoice has billed at the same rate: it costs what the whole costs more than it did.
    kind text NOT NULL CHECK (kind IN ('usage', 'correction')),
    rate_kind text NOT NULL CHECK (rate_kind IN ('feature', 'meter')),
    service text NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    -- Of what came late, the period that it belongs to.
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    quantity numeric NOT NULL,
    unit text NOT NULL,
    rate_id uuid NOT NULL REFERENCES rate,
    -- Of the whole period at this rate, in seconds or units: what earlier lines billed, and what is billed with this one.
    used_before numeric,
    used_after numeric NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    -- What the price is made of, and what each instance adds.
    components jsonb NOT NULL,
    instances jsonb NOT NULL,
    input_count bigint NOT NULL,
    input_sha256 bytea NOT NULL CHECK (octet_length(input_sha256) = 32),
    CONSTRAINT invoice_line_correction CHECK ((kind = 'correction') = (used_before IS NOT NULL))
);
CREATE INDEX invoice_line_of_period ON invoice_line (tenant_id, rate_id, period_start);
CREATE INDEX invoice_line_of_invoice ON invoice_line (invoice_id, id);

-- Which part of which interval a line is made of. A part that runs backwards takes back what an earlier invoice took too much.
CREATE TABLE invoice_line_interval (
    line_id uuid NOT NULL REFERENCES invoice_line,
    interval_id uuid NOT NULL REFERENCES usage_interval,
    tenant_id uuid NOT NULL,
    from_at timestamptz NOT NULL,
    until_at timestamptz NOT NULL,
    -- What an interval costs at least; 0 where it began at another rate.
    minimum_seconds integer NOT NULL,
    PRIMARY KEY (line_id, interval_id, from_at)
);
CREATE INDEX invoice_line_interval_of_interval ON invoice_line_interval (interval_id);

-- Which events of a meter a cycle has taken, and the line that bills them; those without wait for a rate. Taken is every event of the instance and the
-- meter whose number and time lie in both ranges: no event is in two parts.
CREATE TABLE usage_part (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    cycle_id uuid NOT NULL REFERENCES cycle,
    service text NOT NULL,
    meter text NOT NULL,
    instance_id uuid NOT NULL,
    seqs int8range NOT NULL,
    times tstzrange NOT NULL,
    -- The cycle that the times belong to.
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    -- Of the events that were taken, to find them soon.
    first_id uuid NOT NULL,
    last_id uuid NOT NULL,
    events bigint NOT NULL CHECK (events > 0),
    quantity numeric NOT NULL,
    -- The largest quantity, and that of the event which was used last.
    max_quantity numeric NOT NULL,
    last_quantity numeric NOT NULL,
    last_at timestamptz NOT NULL,
    sha256 bytea NOT NULL CHECK (octet_length(sha256) = 32),
    line_id uuid REFERENCES invoice_line,
    CONSTRAINT usage_part_once EXCLUDE USING gist (tenant_id WITH =, instance_id WITH =, meter WITH =, seqs WITH &&, times WITH &&)
);
CREATE INDEX usage_part_of_line ON usage_part (line_id) WHERE line_id IS NOT NULL;
CREATE INDEX usage_part_unrated ON usage_part (tenant_id, id) WHERE line_id IS NULL;

-- A part is billed once; nothing else about it ever changes.
CREATE FUNCTION only_bill_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.line_id IS NOT NULL OR to_jsonb(NEW) - 'line_id' <> to_jsonb(OLD) - 'line_id' THEN
        RAISE EXCEPTION 'usage_part % is never changed', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER usage_part_immutable BEFORE UPDATE OR DELETE ON usage_part FOR EACH ROW EXECUTE FUNCTION only_bill_once();

CREATE TRIGGER invoice_immutable BEFORE UPDATE OR DELETE ON invoice FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION refuse_line_of_finalized() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM invoice WHERE id = NEW.invoice_id) THEN
        RAISE EXCEPTION 'invoice % is finalized', NEW.invoice_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invoice_line_of_draft BEFORE INSERT ON invoice_line FOR EACH ROW EXECUTE FUNCTION refuse_line_of_finalized();
CREATE TRIGGER invoice_line_immutable BEFORE UPDATE OR DELETE ON invoice_line FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION refuse_part_of_finalized() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- By its keys one after the other: a join that was planned while both were small would read all of them later.
    IF EXISTS (SELECT FROM invoice WHERE id = (SELECT invoice_id FROM invoice_line WHERE id = NEW.line_id)) THEN
        RAISE EXCEPTION 'the invoice of line % is finalized', NEW.line_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invoice_line_interval_of_draft BEFORE INSERT ON invoice_line_interval FOR EACH ROW EXECUTE FUNCTION refuse_part_of_finalized();
CREATE TRIGGER invoice_line_interval_immutable BEFORE UPDATE OR DELETE ON invoice_line_interval FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER usage_part_of_draft BEFORE INSERT OR UPDATE ON usage_part FOR EACH ROW WHEN (NEW.line_id IS NOT NULL)
EXECUTE FUNCTION refuse_part_of_finalized();

-- The last number given of each series. A row and not a sequence, so that what is rolled back leaves no gap.
CREATE TABLE number_series (
    series text PRIMARY KEY,
    last bigint NOT NULL
);
INSERT INTO number_series VALUES ('invoice', 0);

-- What becomes of a finalized invoice. Numbers are given after the close, by one process at a time.
CREATE TABLE invoice_status (
    invoice_id uuid PRIMARY KEY REFERENCES invoice,
    tenant_id uuid NOT NULL,
    -- One of `number_series`, without a foreign key: it would have a close wait for the numberer.
    series text NOT NULL CHECK (series = 'invoice'),
    number bigint,
    CONSTRAINT invoice_number_once UNIQUE (series, number)
);
CREATE INDEX invoice_unnumbered ON invoice_status (series, invoice_id) WHERE number IS NULL;

CREATE FUNCTION only_number_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.number IS NOT NULL OR to_jsonb(NEW) - 'number' <> to_jsonb(OLD) - 'number' THEN
        RAISE EXCEPTION 'the number of invoice % is never changed', OLD.invoice_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER invoice_status_immutable BEFORE UPDATE OR DELETE ON invoice_status FOR EACH ROW EXECUTE FUNCTION only_number_once();

CALL tenant_wall('invoice');
CALL tenant_wall('invoice_line');
CALL tenant_wall('invoice_line_interval');
CALL tenant_wall('usage_part');
CALL tenant_wall('invoice_status');
