-- What billing said last of a tenant: suspended, or resumed. A row from the first suspension on, kept for ever: without its generation an old
-- message would count again.
CREATE TABLE tenant_suspensions (
    tenant_id uuid PRIMARY KEY,
    -- Null once it is resumed.
    suspended_since timestamptz,
    -- Of the message: the highest one that was heard holds.
    generation bigint NOT NULL CHECK (generation > 0),
    -- By our own clock.
    heard_at timestamptz NOT NULL
);

CREATE INDEX tenant_suspensions_heard ON tenant_suspensions (heard_at);

CALL tenant_wall('tenant_suspensions');
