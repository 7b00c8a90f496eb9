-- Answers to requests that made something and had an Idempotency-Key, in each service's database. A row commits
-- together with what its request made, so neither is there without the other.
CREATE TABLE idempotency_keys (
    -- Derived from the key and whose it is; from neither this nor the fingerprint can the key be found.
    key_hash bytea PRIMARY KEY,
    -- Null for a request that anybody may make.
    tenant_id uuid,
    -- Of the request, keyed as well: a body may hold a password.
    fingerprint bytea NOT NULL,
    -- Status, headers and body, sealed under a key that only the Idempotency-Key gives. Null while the request is under way.
    answer bytea,
    expires_at timestamptz NOT NULL
);

CREATE INDEX idempotency_keys_expired ON idempotency_keys (expires_at);

CALL tenant_wall('idempotency_keys', 'tenant_id IS NULL OR in_scope(tenant_id)');
