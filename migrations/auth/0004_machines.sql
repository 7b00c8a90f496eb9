-- Which machines act for a tenant, and which programs for a person?

-- A machine of a tenant. What it may do is the permission service's to know, under client:<id>.
CREATE TABLE clients (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    name text NOT NULL,
    created_by uuid NOT NULL REFERENCES users (id),
    created_at timestamptz NOT NULL,
    deleted_at timestamptz
);

CREATE INDEX clients_of_tenant ON clients (tenant_id, id) WHERE deleted_at IS NULL;
CREATE INDEX clients_deleted ON clients (deleted_at) WHERE deleted_at IS NOT NULL;

-- The secrets of a client: two live at a time while one replaces the other. The id is the `sid` of the tokens that the secret got.
CREATE TABLE client_secrets (
    id uuid PRIMARY KEY,
    client_id uuid NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    -- SHA-256 of the secret.
    secret_hash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);

CREATE INDEX client_secrets_of_client ON client_secrets (client_id, id);
CREATE INDEX client_secrets_revoked ON client_secrets (revoked_at) WHERE revoked_at IS NOT NULL;

-- A key with which a program does some of what its owner may do in one tenant. The id is the `sid` of the tokens that stand for it.
CREATE TABLE api_keys (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    user_id uuid NOT NULL REFERENCES users (id),
    name text NOT NULL,
    permissions text[] NOT NULL CONSTRAINT api_keys_permissions CHECK (cardinality(permissions) BETWEEN 1 AND 100),
    -- SHA-256 of the key as its holder has it.
    key_hash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
);

CREATE INDEX api_keys_of_user ON api_keys (user_id, tenant_id, id) WHERE revoked_at IS NULL;
CREATE INDEX api_keys_over ON api_keys (least(expires_at, revoked_at)) WHERE least(expires_at, revoked_at) IS NOT NULL;
