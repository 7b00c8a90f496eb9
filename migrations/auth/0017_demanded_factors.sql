-- Tenants can demand a second factor of their members.

-- Apart from what made it, so that nobody waits for both.
ALTER TABLE sessions VALIDATE CONSTRAINT sessions_end_reason;

ALTER TABLE tenants
    ADD COLUMN second_factor_required boolean NOT NULL DEFAULT false,
    ADD COLUMN policy_revision integer NOT NULL DEFAULT 1;
