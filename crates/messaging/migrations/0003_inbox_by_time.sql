-- The inbox by the time of its messages, so that what nobody can deliver any more is dropped a week at a time.
--
-- Processes of the version before may run beside this: they go on writing `inbox`, and a trigger writes the same claim here. So a message
-- takes effect once, whichever of them takes it. A later migration drops `inbox`, when no such process runs.

-- One row a message that took effect; a second delivery finds it and is only acknowledged. The first 48 bits of an id are its time in
-- milliseconds (RFC 9562, versions 7 and 8), so a week is a range of ids, and an id is unique over all of them.
CREATE TABLE inbox_messages (
    message_id uuid NOT NULL,
    consumer text NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (message_id, consumer)
) PARTITION BY RANGE (message_id);

-- The lowest id of that time.
CREATE FUNCTION lowest_id_at(instant timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT rpad(lpad(to_hex(floor(extract(epoch FROM instant) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;

-- Makes the weeks that are missing. Attached and not created in place, as that would wait for everybody who writes, and all for it.
CREATE PROCEDURE inbox_add_weeks(since timestamptz, until timestamptz) LANGUAGE plpgsql AS $$
DECLARE
    week CONSTANT bigint := 7 * 24 * 3600;
    starts timestamptz;
    name text;
BEGIN
    FOR number IN floor(extract(epoch FROM since) / week) .. floor(extract(epoch FROM until) / week) LOOP
        starts := to_timestamp(number * week);
        name := 'inbox_messages_' || to_char(starts AT TIME ZONE 'UTC', 'YYYYMMDD');
        IF to_regclass(name) IS NULL THEN
            EXECUTE format('CREATE TABLE %I (LIKE inbox_messages INCLUDING ALL)', name);
            EXECUTE format('ALTER TABLE inbox_messages ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name,
                lowest_id_at(starts), lowest_id_at(starts + interval '7 days'));
        END IF;
    END LOOP;
END $$;

CALL inbox_add_weeks(now() - interval '31 days', now() + interval '14 days');

CREATE FUNCTION inbox_of_the_version_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Of a body without an envelope: this version claims it in both tables.
    IF NEW.message_id !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN
        RETURN NEW;
    END IF;
    INSERT INTO inbox_messages VALUES (NEW.message_id::uuid, NEW.consumer, NEW.received_at) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        RETURN NEW;
    END IF;
    RETURN NULL;
EXCEPTION WHEN check_violation THEN
    -- Of a time that has no week here: this version refuses it.
    RETURN NEW;
END $$;

-- Waits for the claims under way, so the copy below has all that came before the trigger.
CREATE TRIGGER inbox_of_the_version_before BEFORE INSERT ON inbox
FOR EACH ROW EXECUTE FUNCTION inbox_of_the_version_before();

INSERT INTO inbox_messages
SELECT message_id::uuid, consumer, received_at FROM inbox
WHERE message_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    AND message_id COLLATE "C" >= lowest_id_at(now() - interval '31 days')::text
    AND message_id COLLATE "C" < lowest_id_at(now() + interval '14 days')::text;
