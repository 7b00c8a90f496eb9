-- Messages that a service says (outbox) and has heard (inbox), in each service's database.

-- Written in the transaction of the business fact, deleted when SNS has confirmed the message. Each waits for itself: one that SNS
-- does not take is put off, and none waits behind it.
CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    topic text NOT NULL,
    envelope jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    -- Answers that SNS will never take the message as it is.
    refusals integer NOT NULL DEFAULT 0,
    -- Not before; a relay that has claimed the row moves it on to the end of its lease.
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    -- Set when SNS will never take the message as it is: a person looks at it, the relay does not.
    parked_at timestamptz,
    last_error text
);

CREATE INDEX outbox_due ON outbox (next_attempt_at, id) WHERE parked_at IS NULL;

-- One row a message that took effect; a second delivery finds it and is only acknowledged.
CREATE TABLE inbox (
    consumer text NOT NULL,
    message_id text NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (consumer, message_id)
);
