-- What somebody must look at is found without reading all that waits, and so is what has waited longest.
CREATE INDEX outbox_parked ON outbox (id) WHERE parked_at IS NOT NULL;
CREATE INDEX outbox_oldest ON outbox (created_at) WHERE parked_at IS NULL;
