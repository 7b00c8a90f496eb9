-- What happened: every message of the last weeks. It has no secrets, and is dropped a week at a time; so a week is a range of ids.
-- Workers of the version before neither write nor read it: what is said before the first new one runs waits in the queue.
CREATE TABLE message_history (
    id uuid PRIMARY KEY,
    type text NOT NULL,
    source text NOT NULL,
    -- NULL for what is about no tenant.
    tenant_id uuid,
    time timestamptz NOT NULL,
    -- W3C Trace Context.
    trace_id text,
    -- The job that it orders, or whose end it tells.
    job_id uuid,
    -- NULL if they are too large, or of a type that was not known.
    data jsonb,
    -- What it is found by: its type, its trace, and words of its data that are neither personal nor secret.
    words text[] NOT NULL
) PARTITION BY RANGE (id);
-- No more than these, as every message pays for each: types and traces are words.
CREATE INDEX message_history_of_tenant ON message_history (tenant_id, id);
CREATE INDEX message_history_words ON message_history USING gin (words);
CALL tenant_wall('message_history');

-- Each week has the wall of its own: the parent's does not hold for whoever names the week.
CREATE PROCEDURE message_history_add_weeks(since timestamptz, until timestamptz) LANGUAGE plpgsql AS $$
DECLARE
    week regclass;
BEGIN
    CALL add_weeks('message_history', since, until);
    FOR week IN SELECT oid::regclass FROM pg_inherits JOIN pg_class ON oid = inhrelid
                 WHERE inhparent = 'message_history'::regclass AND NOT relrowsecurity LOOP
        CALL tenant_wall(week);
    END LOOP;
END $$;

CALL message_history_add_weeks(now() - interval '36 days', now() + interval '14 days');
