-- What proves who somebody is besides the password? Factors are a person's own, in whichever tenant they act.

-- Before users, as log-ins take them.
ALTER TABLE sessions DROP CONSTRAINT sessions_end_reason;
ALTER TABLE sessions ADD CONSTRAINT sessions_end_reason CHECK (end_reason IN
    ('logged_out', 'refresh_reused', 'ended_by_tenant', 'member_removed', 'password_changed',
     'second_factor_changed')) NOT VALID;

ALTER TABLE sessions
    -- Authentication methods (RFC 8176) by which the session was begun or stepped up. Null: by the password.
    ADD COLUMN amr text[],
    -- When that was last. Null: when the session began.
    ADD COLUMN authenticated_at timestamptz;

-- Time-based one-time passwords (RFC 6238), one app a person.
CREATE TABLE totp_factors (
    user_id uuid PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- AES-256-GCM under the key encryption key, bound to the user; nonce first.
    sealed_secret bytea NOT NULL,
    created_at timestamptz NOT NULL,
    -- Null until the app has shown a right code; it proves nothing before.
    confirmed_at timestamptz,
    -- The time step whose code was taken last: neither it nor an earlier one is taken again.
    last_step bigint,
    -- Wrong codes since then, whoever sent them.
    wrong_codes smallint NOT NULL DEFAULT 0,
    wrong_since timestamptz
);

CREATE INDEX totp_factors_unconfirmed ON totp_factors (created_at) WHERE confirmed_at IS NULL;

-- Codes for who has lost the other factors; each is deleted when it is used.
CREATE TABLE recovery_codes (
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the code, which has 80 random bits.
    code_hash bytea NOT NULL,
    PRIMARY KEY (user_id, code_hash)
);

-- Log-ins whose password was right and which wait for a second factor.
CREATE TABLE login_challenges (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Of the password that was given: after a change of it the log-in is over.
    password_version integer NOT NULL,
    -- SHA-256 of the challenge.
    token_hash bytea NOT NULL CONSTRAINT login_challenges_token_key UNIQUE,
    wrong_proofs smallint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX login_challenges_of_user ON login_challenges (user_id);
CREATE INDEX login_challenges_expiry ON login_challenges (expires_at);

CALL tenant_wall('login_challenges');

-- Public keys of authenticators (Web Authentication).
CREATE TABLE passkeys (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Chosen by the authenticator.
    credential_id bytea NOT NULL CONSTRAINT passkeys_credential_key UNIQUE,
    -- COSE_Key (RFC 9052 §7).
    public_key bytea NOT NULL,
    -- Of the last signature; an authenticator without a counter has 0 for ever.
    sign_count bigint NOT NULL,
    -- Whether its owner may have it on several devices.
    synced boolean NOT NULL,
    name text NOT NULL,
    revision integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    last_used_at timestamptz
);

CREATE INDEX passkeys_of_user ON passkeys (user_id, id);

-- What authenticators are asked to sign, once each.
CREATE TABLE passkey_challenges (
    -- SHA-256 of the challenge.
    challenge_hash bytea PRIMARY KEY,
    ceremony text NOT NULL CONSTRAINT passkey_challenges_ceremony CHECK (ceremony IN ('registration', 'step_up', 'log_in')),
    -- Who asked, in which session. Null: somebody who wants to log in.
    user_id uuid REFERENCES users (id) ON DELETE CASCADE,
    session_id uuid,
    expires_at timestamptz NOT NULL
);

CREATE INDEX passkey_challenges_expiry ON passkey_challenges (expires_at);
