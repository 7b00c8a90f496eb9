-- Apart from what goes before, so that nobody waits for both.
ALTER TABLE sessions VALIDATE CONSTRAINT sessions_end_reason;
