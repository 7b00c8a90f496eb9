-- What operators did to queues: begun before it is done, with its end afterwards. Kept for a year. It has no body of a message.
CREATE TABLE queue_actions (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    principal text NOT NULL,
    action text NOT NULL CHECK (action IN ('pause', 'resume', 'edit', 'redrive', 'delete')),
    queue text NOT NULL,
    -- SQS's ids of the dead letters that were asked for, or what they have in common; neither means all.
    letters text[] NOT NULL,
    fingerprint text,
    -- JSON pointers to what an edit changed.
    places text[] NOT NULL,
    -- NULL while it goes on, and for ever if the process died over it.
    outcome text CHECK (outcome IN ('done', 'failed')),
    -- Ids of the messages that it was done to.
    messages text[] NOT NULL DEFAULT '{}',
    ended_at timestamptz,
    CONSTRAINT queue_actions_ended_check CHECK ((outcome IS NULL) = (ended_at IS NULL))
);
CREATE INDEX queue_actions_at ON queue_actions (at);
