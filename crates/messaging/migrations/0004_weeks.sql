-- Weeks of any table that is partitioned by the time in its ids; those of the inbox are made with it.

-- Makes the weeks that are missing. Attached and not created in place, as that would wait for everybody who writes, and all for it.
CREATE PROCEDURE add_weeks(parent text, since timestamptz, until timestamptz) LANGUAGE plpgsql AS $$
DECLARE
    week CONSTANT bigint := 7 * 24 * 3600;
    starts timestamptz;
    name text;
BEGIN
    FOR number IN floor(extract(epoch FROM since) / week) .. floor(extract(epoch FROM until) / week) LOOP
        starts := to_timestamp(number * week);
        name := parent || '_' || to_char(starts AT TIME ZONE 'UTC', 'YYYYMMDD');
        IF to_regclass(name) IS NULL THEN
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', name, parent);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, name,
                lowest_id_at(starts), lowest_id_at(starts + interval '7 days'));
        END IF;
    END LOOP;
END $$;

CREATE OR REPLACE PROCEDURE inbox_add_weeks(since timestamptz, until timestamptz) LANGUAGE plpgsql AS $$
BEGIN
    CALL add_weeks('inbox_messages', since, until);
END $$;
