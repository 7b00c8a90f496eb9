-- Members can be removed, and their sessions ended by others.

ALTER TABLE sessions DROP CONSTRAINT sessions_end_reason;
ALTER TABLE sessions ADD CONSTRAINT sessions_end_reason
    CHECK (end_reason IN ('logged_out', 'refresh_reused', 'ended_by_tenant', 'member_removed'));

-- A removal that is under way: noted before anything ends, deleted when nothing of the member is left anywhere. Whatever interrupts it
-- leaves it here, to be completed.
CREATE TABLE removals (
    -- Of the membership that ends.
    membership_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    user_id uuid NOT NULL REFERENCES users (id),
    removed_by text NOT NULL,
    asked_at timestamptz NOT NULL
);

CREATE INDEX removals_waiting ON removals (asked_at);

CALL tenant_wall('removals');
