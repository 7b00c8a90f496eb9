-- A mail keeps its content until it is delivered or given up, and what stops all mail is one row that everybody sees.
SET LOCAL sevenleague.tenant = '*';

ALTER TABLE messages DROP CONSTRAINT messages_status_check;
ALTER TABLE messages ADD CONSTRAINT messages_status_check CHECK (
    status IN ('queued', 'held', 'sending', 'unknown', 'given_up', 'sent', 'delivered', 'bounced', 'complained', 'suppressed', 'failed')
);
-- Until then it is tried and can be sent again, and its content is kept. The default is for rows of processes of the version before.
ALTER TABLE messages ADD COLUMN give_up_at timestamptz NOT NULL DEFAULT now() + interval '7 days';
-- Fencing token: a new one with each claim, so that an earlier claimant cannot settle a later claim.
ALTER TABLE messages ADD COLUMN claim uuid;

CREATE INDEX messages_due ON messages (send_after) WHERE status IN ('queued', 'held');
CREATE INDEX messages_kept ON messages (give_up_at) WHERE variables IS NOT NULL OR status IN ('queued', 'held', 'unknown');
CREATE INDEX messages_by_status ON messages (status, id);
CREATE INDEX messages_by_age ON messages (created_at);

-- Why nothing is sent at the moment, for all processes together: one row.
CREATE TABLE sending (
    only_one        boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    -- Absent while mail leaves.
    stopped_at      timestamptz,
    -- It will not pass by itself.
    ours_to_mend    boolean NOT NULL DEFAULT false,
    code            text,
    reason          text,
    -- Answers in a row that stopped it.
    failures        integer NOT NULL DEFAULT 0,
    -- When one mail is tried again, by whichever process comes first.
    next_attempt_at timestamptz
);
INSERT INTO sending DEFAULT VALUES;
