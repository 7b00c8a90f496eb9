-- Usage is found by its time of use, and never out of the reach of the cycle that takes it.

CREATE INDEX usage_event_of_time ON usage_event (tenant_id, occurred_at);

-- A cycle looks two days back from its start for what was received, and an id is the time of that.
ALTER TABLE usage_event ADD CONSTRAINT usage_event_reachable CHECK (occurred_at < received_at + interval '48 hours');
