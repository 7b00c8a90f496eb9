-- An address is out of circulation for the tenant whose mail it bounced or complained about, and for that kind of mail.
SET LOCAL sevenleague.tenant = '*';

CREATE TABLE tenant_suppressions (
    id         uuid PRIMARY KEY,
    -- Absent for the platform's own mail, which is a tenant of its own.
    tenant_id  uuid,
    template   text NOT NULL,
    address    text NOT NULL CHECK (address = lower(address)),
    reason     text NOT NULL CHECK (reason IN ('bounce', 'complaint')),
    -- The mail that caused it; the ledger forgets it one day.
    message_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT tenant_suppressions_unique UNIQUE NULLS NOT DISTINCT (address, tenant_id, template)
);
CALL tenant_wall('tenant_suppressions');

-- Whose mail caused what is known from the ledger.
INSERT INTO tenant_suppressions (id, tenant_id, template, address, reason, message_id, created_at)
SELECT gen_random_uuid(), m.tenant_id, m.template, s.address, s.reason, s.message_id, s.created_at
FROM suppressions s JOIN messages m ON m.id = s.message_id;

-- Processes of the version before know the old table only; what they write there counts here. A later migration drops it.
ALTER TABLE suppressions DROP CONSTRAINT suppressions_message_id_fkey;
CREATE FUNCTION follow_suppressions() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    -- They lift a suppression outside any tenant.
    scope text := current_setting('sevenleague.tenant', true);
BEGIN
    PERFORM set_config('sevenleague.tenant', '*', true);
    IF TG_OP = 'DELETE' THEN
        DELETE FROM tenant_suppressions WHERE address = OLD.address AND message_id = OLD.message_id;
    ELSE
        INSERT INTO tenant_suppressions (id, tenant_id, template, address, reason, message_id, created_at)
        SELECT gen_random_uuid(), m.tenant_id, m.template, NEW.address, NEW.reason, m.id, NEW.created_at FROM messages m WHERE m.id = NEW.message_id
        ON CONFLICT DO NOTHING;
    END IF;
    PERFORM set_config('sevenleague.tenant', coalesce(scope, ''), true);
    RETURN NULL;
END $$;
CREATE TRIGGER follow_suppressions AFTER INSERT OR DELETE ON suppressions FOR EACH ROW EXECUTE FUNCTION follow_suppressions();
