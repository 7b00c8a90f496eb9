-- Passwords are changed and reset, and with them all sessions of a person end.

-- Before users, as log-ins take them.
ALTER TABLE sessions DROP CONSTRAINT sessions_end_reason;
ALTER TABLE sessions ADD CONSTRAINT sessions_end_reason CHECK (end_reason IN
    ('logged_out', 'refresh_reused', 'ended_by_tenant', 'member_removed', 'password_changed')) NOT VALID;

ALTER TABLE users
    -- One more with each change: whoever was let in by an older password gets no session any more.
    ADD COLUMN password_version integer NOT NULL DEFAULT 1;

-- Somebody asked for a new password; whoever opens the link in the mail has the address. Kept for any address, and looked up later, so that
-- the answer takes the same time for those who have an account and for those who have none.
CREATE TABLE password_resets (
    id uuid PRIMARY KEY,
    email text NOT NULL CONSTRAINT password_resets_email_lower CHECK (email = lower(email)),
    return_to text,
    -- SHA-256 of the token in the link; NULL until the mail is ordered.
    token_hash bytea CONSTRAINT password_resets_token_key UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

CREATE INDEX password_resets_waiting ON password_resets (id) WHERE token_hash IS NULL;
CREATE INDEX password_resets_of_address ON password_resets (email) WHERE used_at IS NULL;
CREATE INDEX password_resets_expiry ON password_resets (expires_at);

ALTER TABLE link_mails DROP CONSTRAINT link_mails_kind;
ALTER TABLE link_mails ADD CONSTRAINT link_mails_kind CHECK (kind IN ('verification', 'invitation', 'password_reset'));

-- Sessions of a person that ended all at once: noted with their end, deleted when Redis knows it. Whatever interrupts that leaves it here,
-- to be completed.
CREATE TABLE session_endings (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    ended_at timestamptz NOT NULL
);

CREATE INDEX session_endings_waiting ON session_endings (ended_at);
