-- Clients can be edited. What people allowed before `consents_since` was allowed to another app under the same id: other
-- addresses, or less to ask for.
ALTER TABLE clients
    ADD COLUMN revision integer NOT NULL DEFAULT 1,
    ADD COLUMN consents_since timestamptz;
