-- The product hears of the end of its command also when there is no result: a job of its own (`bundle.failure`) is ordered in the commit of
-- that end, whoever writes it, so that no cancellation and no worker of the version before can forget it. A worker of the version before has
-- no handler for such jobs and leaves them to one that has.

-- UUIDv7 (RFC 9562 section 5.7), as every job's id is; PostgreSQL has none before 18.
CREATE FUNCTION uuid_v7() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$;

CREATE FUNCTION order_failure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO jobs (id, kind, version, tenant_id, instance_id, payload, priority, traceparent)
    VALUES (uuid_v7(), 'bundle.failure', 1, NEW.tenant_id, NEW.instance_id,
            jsonb_build_object('service', NEW.payload -> 'service', 'bundle_version', NEW.payload -> 'bundle_version',
                               'command', NEW.payload -> 'command', 'job_id', NEW.id,
                               -- Who cancelled it is nothing to the product's users.
                               'reason', CASE NEW.state WHEN 'cancelled' THEN 'It was cancelled by an operator.'
                                              ELSE coalesce(NEW.last_error, 'It has failed.') END),
            1, NEW.traceparent);
    RETURN NULL;
END $$;
CREATE TRIGGER order_failure AFTER UPDATE OF state ON jobs FOR EACH ROW
    WHEN (NEW.kind = 'bundle.command' AND NEW.state IN ('failed', 'cancelled') AND OLD.state <> NEW.state AND NEW.instance_id IS NOT NULL)
    EXECUTE FUNCTION order_failure();
