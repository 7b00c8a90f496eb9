-- Apart from what goes before, so that nobody waits for both.
ALTER TABLE sessions VALIDATE CONSTRAINT sessions_end_reason;
CREATE INDEX sessions_ended ON sessions (user_id, ended_at) WHERE ended_at IS NOT NULL;
