-- Each message of the outbox waits for itself: one that SNS does not take is put off, and none waits behind it.

ALTER TABLE outbox
    -- Not before; a relay that has claimed the row moves it on to the end of its lease.
    ADD COLUMN next_attempt_at timestamptz NOT NULL DEFAULT now(),
    -- Answers that SNS will never take the message as it is.
    ADD COLUMN refusals integer NOT NULL DEFAULT 0;

CREATE INDEX outbox_due ON outbox (next_attempt_at, id) WHERE parked_at IS NULL;

-- Relays of the version before still order by attempts: the index outbox_waiting goes with the next version.
