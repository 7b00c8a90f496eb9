-- Messages that this service says (outbox) and has heard (inbox); crates/messaging owns the shape.

-- Written in the transaction of the business fact, deleted when SNS has confirmed the message.
CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    topic text NOT NULL,
    envelope jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    -- Set when SNS will never take the message as it is: a person looks at it, the relay does not.
    parked_at timestamptz,
    last_error text
);

-- The relay's order: what has failed waits behind what has not, so one bad topic does not hold up the others.
CREATE INDEX outbox_waiting ON outbox (attempts, created_at, id) WHERE parked_at IS NULL;

-- One row a message that took effect; a second delivery finds it and is only acknowledged.
CREATE TABLE inbox (
    consumer text NOT NULL,
    message_id text NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (consumer, message_id)
);
