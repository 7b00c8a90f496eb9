-- Who exists: people, customer accounts, who belongs to which, and who has been asked to.

-- A person with a confirmed address. An unconfirmed one is only a row of registrations.
CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text NOT NULL CONSTRAINT users_email_key UNIQUE CONSTRAINT users_email_lower CHECK (email = lower(email)),
    display_name text NOT NULL,
    password_hash text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE tenants (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    kind text NOT NULL CONSTRAINT tenants_kind CHECK (kind IN ('customer', 'platform')),
    created_at timestamptz NOT NULL
);

-- The company that runs the platform is one tenant.
CREATE UNIQUE INDEX tenants_one_platform ON tenants (kind) WHERE kind = 'platform';

-- What a member may do is the permission service's to know. The id is what pages are cut by.
CREATE TABLE memberships (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    user_id uuid NOT NULL REFERENCES users (id),
    joined_at timestamptz NOT NULL,
    CONSTRAINT memberships_once UNIQUE (user_id, tenant_id)
);

CREATE INDEX memberships_of_tenant ON memberships (tenant_id, id);

-- Somebody asked for an account; whoever opens the link in the mail has the address.
CREATE TABLE registrations (
    id uuid PRIMARY KEY,
    email text NOT NULL CONSTRAINT registrations_email_lower CHECK (email = lower(email)),
    display_name text NOT NULL,
    tenant_name text NOT NULL,
    password_hash text NOT NULL,
    -- SHA-256 of the token in the link.
    token_hash bytea NOT NULL CONSTRAINT registrations_token_key UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

CREATE INDEX registrations_of_address ON registrations (email, id DESC) WHERE used_at IS NULL;
CREATE INDEX registrations_expiry ON registrations (expires_at);

CREATE TABLE invitations (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    email text NOT NULL CONSTRAINT invitations_email_lower CHECK (email = lower(email)),
    invited_by uuid NOT NULL REFERENCES users (id),
    -- SHA-256 of the token in the link.
    token_hash bytea NOT NULL CONSTRAINT invitations_token_key UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

CREATE INDEX invitations_of_address ON invitations (tenant_id, email) WHERE used_at IS NULL;
CREATE INDEX invitations_expiry ON invitations (expires_at);
