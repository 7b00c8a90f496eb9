-- The ledger: one row a mail, claimed before SES is called.
CREATE TABLE messages (
    id             uuid PRIMARY KEY,
    -- Idempotency key of the sender: the same key is the same mail.
    key            text NOT NULL CONSTRAINT messages_key_unique UNIQUE CHECK (length(key) BETWEEN 1 AND 200),
    -- SHA-256 of template, recipient and variables, to tell a repetition from another mail under the same key.
    content_hash   bytea NOT NULL,
    tenant_id      uuid,
    template       text NOT NULL,
    recipient      text NOT NULL,
    subject        text NOT NULL,
    -- Emptied once the mail has left: it may hold links that let people in.
    variables      jsonb,
    status         text NOT NULL CHECK (status IN ('queued', 'sending', 'unknown', 'sent', 'delivered', 'bounced', 'complained', 'suppressed', 'failed')),
    reason         text,
    ses_message_id text UNIQUE,
    attempts       integer NOT NULL DEFAULT 0,
    send_after     timestamptz NOT NULL,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL
);
CREATE INDEX messages_waiting ON messages (send_after) WHERE status IN ('queued', 'sending');
CREATE INDEX messages_by_recipient ON messages (recipient, id);

-- Addresses out of circulation.
CREATE TABLE suppressions (
    address    text PRIMARY KEY CHECK (address = lower(address)),
    reason     text NOT NULL CHECK (reason IN ('bounce', 'complaint')),
    -- The mail that caused it.
    message_id uuid NOT NULL REFERENCES messages (id),
    created_at timestamptz NOT NULL
);
