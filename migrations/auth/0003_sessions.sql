-- Who is signed in, and with which keys tokens are signed.

-- One log-in on one device, in one tenant. Redis holds a key for each that is alive; this row is the truth.
CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id),
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    -- The session ends then, however much it is used.
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text CONSTRAINT sessions_end_reason CHECK (end_reason IN ('logged_out', 'refresh_reused')),
    CONSTRAINT sessions_end CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);

CREATE INDEX sessions_of_user ON sessions (user_id, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- The refresh tokens of a session are a chain: each has at most one child, made when it was used.
CREATE TABLE refresh_tokens (
    id uuid PRIMARY KEY,
    session_id uuid NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    -- SHA-256 of the token.
    token_hash bytea NOT NULL CONSTRAINT refresh_tokens_token_key UNIQUE,
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    child_id uuid CONSTRAINT refresh_tokens_child_key UNIQUE REFERENCES refresh_tokens (id) ON DELETE CASCADE,
    -- The child's token, encrypted under a key that only the holder of this token can derive: a repeated refresh gets the same child.
    sealed_child bytea,
    CONSTRAINT refresh_tokens_used CHECK ((used_at IS NULL) = (child_id IS NULL))
);

CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);

-- Ed25519 keys of access tokens. 'next' is published but does not sign yet, 'previous' still verifies.
CREATE TABLE signing_keys (
    -- JWK thumbprint (RFC 7638) of the public key.
    kid text PRIMARY KEY,
    public_key bytea NOT NULL,
    -- PKCS #8, AES-256-GCM under the key encryption key, bound to the kid; nonce first.
    sealed_private_key bytea NOT NULL,
    state text NOT NULL CONSTRAINT signing_keys_state CHECK (state IN ('next', 'current', 'previous')),
    created_at timestamptz NOT NULL
);

CREATE UNIQUE INDEX signing_keys_one_current ON signing_keys (state) WHERE state = 'current';
