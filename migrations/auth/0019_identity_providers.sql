-- OpenID providers of tenants: by which may their members sign in, and who is who there? A provider is believed for its own tenant only, which the foreign keys
-- say as well.

CREATE TABLE identity_providers (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    name text NOT NULL,
    -- As it stands in the provider's metadata and ID tokens, character by character.
    issuer text NOT NULL,
    client_id text NOT NULL,
    -- AES-256-GCM under the key encryption key, bound to the id; nonce first.
    sealed_client_secret bytea NOT NULL,
    enabled boolean NOT NULL,
    revision integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    -- Its sessions are known for as long as their refresh tokens are.
    deleted_at timestamptz,
    CONSTRAINT identity_providers_in_tenant UNIQUE (id, tenant_id)
);

CREATE INDEX identity_providers_of_tenant ON identity_providers (tenant_id, id);

-- Which member somebody is whom a provider knows. It ends with the membership.
CREATE TABLE identities (
    provider_id uuid NOT NULL,
    -- The provider's own name for them (`sub`).
    subject text NOT NULL CONSTRAINT identities_subject CHECK (length(subject) BETWEEN 1 AND 255),
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    linked_at timestamptz NOT NULL,
    PRIMARY KEY (provider_id, subject),
    -- Whoever gets a member's address later is another person to the provider, and is not that member.
    CONSTRAINT identities_once_a_member UNIQUE (provider_id, user_id),
    CONSTRAINT identities_of_provider FOREIGN KEY (provider_id, tenant_id)
        REFERENCES identity_providers (id, tenant_id) ON DELETE CASCADE,
    CONSTRAINT identities_of_member FOREIGN KEY (user_id, tenant_id)
        REFERENCES memberships (user_id, tenant_id) ON DELETE CASCADE
);

CREATE INDEX identities_by_provider ON identities (provider_id, tenant_id);
CREATE INDEX identities_by_member ON identities (user_id, tenant_id);

CALL tenant_wall('identity_providers');
CALL tenant_wall('identities');

-- The provider by whose word a session was begun. Null: the person has proved to us who they are.
ALTER TABLE sessions ADD COLUMN identity_provider_id uuid;
-- No older row has one, so there is nothing to look through.
ALTER TABLE sessions ADD CONSTRAINT sessions_of_identity_provider FOREIGN KEY (identity_provider_id, tenant_id)
    REFERENCES identity_providers (id, tenant_id) ON DELETE CASCADE NOT VALID;

CREATE INDEX sessions_by_identity_provider ON sessions (identity_provider_id, tenant_id)
    WHERE identity_provider_id IS NOT NULL;
