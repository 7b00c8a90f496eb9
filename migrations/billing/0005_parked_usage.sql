-- Usage that cannot be counted yet, and why: it is counted as soon as it can be, and shown to operators until then.
CREATE TABLE usage_parked (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    service text NOT NULL,
    key text NOT NULL,
    instance_id uuid NOT NULL,
    meter text NOT NULL,
    quantity numeric NOT NULL CHECK (quantity >= 0),
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    -- The first two pass by themselves; the others wait for a person.
    reason text NOT NULL CHECK (reason IN ('instance_unknown', 'in_the_future', 'instance_of_another', 'key_used')),
    CONSTRAINT usage_parked_once UNIQUE (tenant_id, service, key)
);
CREATE INDEX usage_parked_of_instance ON usage_parked (instance_id, id) WHERE reason IN ('instance_unknown', 'in_the_future');

CALL tenant_wall('usage_parked');
