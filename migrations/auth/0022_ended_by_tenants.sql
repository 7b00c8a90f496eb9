-- When the tenant last ended its member's sessions: one that began before, in another tenant, does not come in here.
ALTER TABLE memberships ADD COLUMN sessions_since timestamptz;
