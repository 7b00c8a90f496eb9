-- Every job is some tenant's: the one in whose transaction it was ordered.
SET LOCAL sevenleague.tenant = '*';

ALTER TABLE jobs ALTER COLUMN tenant_id SET NOT NULL;
