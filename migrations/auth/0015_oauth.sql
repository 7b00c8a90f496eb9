-- OAuth 2.1 and OpenID Connect: which apps may people sign in to, in which browsers are they signed in, and what may each app do for them?

-- How a client shows who it is at the token endpoint, and where it may have answers sent, by the names of RFC 7591 §2.
ALTER TABLE clients
    ADD COLUMN token_endpoint_auth_method text NOT NULL DEFAULT 'client_secret_basic' CONSTRAINT clients_auth_method
        CHECK (token_endpoint_auth_method IN ('client_secret_basic', 'private_key_jwt', 'none')),
    -- Public keys of a client that signs assertions (RFC 7517).
    ADD COLUMN jwks jsonb,
    ADD COLUMN redirect_uris text[] NOT NULL DEFAULT '{}',
    ADD COLUMN post_logout_redirect_uris text[] NOT NULL DEFAULT '{}',
    -- What it may ask people for.
    ADD COLUMN scopes text[] NOT NULL DEFAULT '{}';

-- A browser in which somebody has signed in at our own page: the next app need not ask for the password again.
CREATE TABLE sign_ins (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the cookie.
    token_hash bytea NOT NULL CONSTRAINT sign_ins_token_key UNIQUE,
    -- Over as soon as the user has another password.
    password_version integer NOT NULL,
    -- Authentication methods (RFC 8176).
    amr text[] NOT NULL,
    authenticated_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at timestamptz
);

CREATE INDEX sign_ins_of_user ON sign_ins (user_id) WHERE ended_at IS NULL;
CREATE INDEX sign_ins_expiry ON sign_ins (expires_at);

-- What a person has allowed an app to do for them in a tenant.
CREATE TABLE consents (
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id uuid NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    scopes text[] NOT NULL,
    granted_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, client_id, tenant_id)
);

CREATE INDEX consents_of_client ON consents (client_id);

-- Codes that an app exchanges for tokens, once (RFC 6749 §4.1.2).
CREATE TABLE authorization_codes (
    id uuid PRIMARY KEY,
    -- SHA-256 of the code.
    code_hash bytea NOT NULL CONSTRAINT authorization_codes_code_key UNIQUE,
    client_id uuid NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    sign_in_id uuid NOT NULL,
    password_version integer NOT NULL,
    redirect_uri text NOT NULL,
    -- S256 of RFC 7636.
    code_challenge text NOT NULL,
    nonce text,
    scopes text[] NOT NULL,
    -- For whom the access token will be.
    audience text NOT NULL,
    amr text[] NOT NULL,
    authenticated_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- The session that it was exchanged for; a second exchange ends it.
    session_id uuid
);

CREATE INDEX authorization_codes_expiry ON authorization_codes (expires_at);
CREATE INDEX authorization_codes_of_client ON authorization_codes (client_id);
CREATE INDEX authorization_codes_of_user ON authorization_codes (user_id, tenant_id);

-- Assertions that clients have shown: each counts once (RFC 7523 §3).
CREATE TABLE client_assertions (
    client_id uuid NOT NULL REFERENCES clients (id) ON DELETE CASCADE,
    -- SHA-256 of the `jti`.
    jti_hash bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (client_id, jti_hash)
);

CREATE INDEX client_assertions_expiry ON client_assertions (expires_at);

-- A session that an app has for a person. Null is the platform's own frontend.
ALTER TABLE sessions
    ADD COLUMN client_id uuid REFERENCES clients (id) ON DELETE CASCADE,
    ADD COLUMN sign_in_id uuid,
    ADD COLUMN scopes text[],
    ADD COLUMN audience text;

CREATE INDEX sessions_of_client ON sessions (client_id) WHERE client_id IS NOT NULL;
CREATE INDEX sessions_of_sign_in ON sessions (sign_in_id) WHERE sign_in_id IS NOT NULL;

CALL tenant_wall('consents');
CALL tenant_wall('authorization_codes');

ALTER TABLE sessions DROP CONSTRAINT sessions_end_reason;
ALTER TABLE sessions ADD CONSTRAINT sessions_end_reason CHECK (end_reason IN
    ('logged_out', 'refresh_reused', 'ended_by_tenant', 'member_removed', 'password_changed',
     'second_factor_changed', 'code_reused', 'client_deleted')) NOT VALID;
