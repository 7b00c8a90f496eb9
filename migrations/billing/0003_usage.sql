-- Metered usage: kept once, never changed, and taken by each invoice as ranges.

-- Every key that ever counted, for ever: its digest, and that of what it counted.
CREATE TABLE usage_key (
    tenant_id uuid NOT NULL,
    -- The first 128 bits of SHA-256.
    key uuid NOT NULL,
    body uuid NOT NULL,
    PRIMARY KEY (tenant_id, key)
) PARTITION BY HASH (tenant_id);
DO $$
BEGIN
    FOR number IN 0 .. 7 LOOP
        EXECUTE format('CREATE TABLE usage_key_%s PARTITION OF usage_key FOR VALUES WITH (MODULUS 8, REMAINDER %s)', number, number);
        EXECUTE format('CALL tenant_wall(%L)', 'usage_key_' || number);
    END LOOP;
END $$;

-- Numbers of a transaction are drawn while it holds its tenant's lock shared, and a cut holds it alone: what is numbered up to the cut is committed by then.
CREATE SEQUENCE usage_seq;

-- A week is a range of ids: their first 48 bits are the time at which they were received.
CREATE TABLE usage_event (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    seq bigint NOT NULL,
    service text NOT NULL,
    instance_id uuid NOT NULL,
    meter text NOT NULL,
    key text NOT NULL,
    quantity numeric NOT NULL CHECK (quantity >= 0),
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
) PARTITION BY RANGE (id);
CREATE TRIGGER usage_event_immutable BEFORE UPDATE OR DELETE ON usage_event FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Makes the weeks that are missing, each with the same wall and the same trigger.
CREATE PROCEDURE usage_event_add_weeks(since timestamptz, until timestamptz) LANGUAGE plpgsql AS $$
DECLARE
    week regclass;
BEGIN
    CALL add_weeks('usage_event', since, until);
    FOR week IN SELECT oid FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = 'usage_event'::regclass AND NOT relrowsecurity LOOP
        CALL tenant_wall(week);
        EXECUTE format('CREATE TRIGGER usage_event_immutable BEFORE UPDATE OR DELETE ON %s FOR EACH STATEMENT '
            'EXECUTE FUNCTION refuse_change()', week);
    END LOOP;
END $$;
CALL usage_event_add_weeks(now() - interval '8 days', now() + interval '14 days');

-- Usage that does not count, and why: it is counted as soon as it can be, and shown to operators until then. What was told under one key twice, with
-- different bodies, is here twice.
CREATE TABLE usage_parked (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    service text NOT NULL,
    key text NOT NULL,
    -- The first 128 bits of SHA-256 of what it counts, as in usage_key.
    body uuid NOT NULL,
    instance_id uuid NOT NULL,
    meter text NOT NULL,
    quantity numeric NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    reason text NOT NULL,
    -- Since when it waits for a person; null while its reason may pass by itself.
    waiting_since timestamptz,
    CONSTRAINT usage_parked_once UNIQUE (tenant_id, service, key, body),
    CONSTRAINT usage_parked_reason CHECK (reason IN ('instance_unknown', 'in_the_future', 'expired', 'instance_of_another', 'key_used', 'meter_unknown',
        'quantity_negative', 'quantity_too_large', 'quantity_too_fine', 'too_old')),
    CONSTRAINT usage_parked_waiting CHECK ((waiting_since IS NULL) = (reason IN ('instance_unknown', 'in_the_future')))
);
-- What may count after all: of an instance, of a service, and the longest there.
CREATE INDEX usage_parked_of_instance ON usage_parked (instance_id, id) WHERE reason IN ('instance_unknown', 'in_the_future', 'expired');
CREATE INDEX usage_parked_pending ON usage_parked (tenant_id, service) WHERE reason IN ('instance_unknown', 'in_the_future', 'expired');
CREATE INDEX usage_parked_received ON usage_parked (received_at) WHERE waiting_since IS NULL;
-- What does not count unless somebody does something.
CREATE INDEX usage_parked_unfit ON usage_parked (tenant_id, service) WHERE reason NOT IN ('instance_unknown', 'in_the_future', 'expired');
CREATE INDEX usage_parked_waiting_since ON usage_parked (waiting_since) WHERE waiting_since IS NOT NULL;

CALL tenant_wall('usage_key');
CALL tenant_wall('usage_event');
CALL tenant_wall('usage_parked');
