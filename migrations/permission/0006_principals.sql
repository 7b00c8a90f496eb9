-- Who exists in a tenant, as far as auth has said so. A grant names somebody who does, and an owner who does not is none.

CREATE TABLE principals (
    tenant_id uuid NOT NULL REFERENCES tenants,
    principal text NOT NULL CONSTRAINT principals_principal CHECK (principal ~ '^(user|client):.+$'),
    -- The membership's, or the machine's own: a person who comes back has another one.
    id uuid NOT NULL,
    -- Who has left stays as a row, so that late news of their coming does not bring them back.
    gone_at timestamptz,
    PRIMARY KEY (tenant_id, principal, id)
);

CALL tenant_wall('principals');
