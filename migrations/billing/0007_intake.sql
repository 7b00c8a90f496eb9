-- Usage is found by its time of use, and never out of the reach of the cycle that takes it.

CREATE INDEX usage_event_of_time ON usage_event (tenant_id, occurred_at);

-- A cycle looks two days back from its start for what was received, and an id is the time of that.
ALTER TABLE usage_event ADD CONSTRAINT usage_event_reachable CHECK (occurred_at < received_at + interval '48 hours');

-- Who uses what: features in use, of a tenant and of all, and of the instances of a range.
CREATE INDEX usage_interval_of_tenant ON usage_interval (tenant_id, id);
CREATE INDEX usage_interval_in_use ON usage_interval (id) WHERE end_at IS NULL;
CREATE INDEX usage_interval_in_use_of_instance ON usage_interval (instance_id, feature) WHERE end_at IS NULL;

-- The comparison of features in use with the configurator's: one row. Whoever takes it up when it is due has it until its new due time.
CREATE TABLE reconciliation (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    due_at timestamptz NOT NULL,
    -- The last that came to its end; null before the first.
    finished_at timestamptz
);
INSERT INTO reconciliation (due_at) VALUES (now());

-- Where billing and the configurator do not say the same of a feature. Closed ones are forgotten after a year.
CREATE TABLE feature_discrepancy (
    id uuid PRIMARY KEY,
    -- As billing knows it, else as the configurator says.
    tenant_id uuid NOT NULL,
    instance_id uuid NOT NULL,
    service text NOT NULL,
    feature text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('not_in_use_here', 'not_in_use_there', 'since_differs', 'past_differs', 'instance_not_there', 'owner_differs')),
    -- Since when it is in use, as billing knows, and as the configurator says.
    since_here timestamptz,
    since_there timestamptz,
    -- Suspected: a message may be under way. Open: for longer than that. Healed: what the configurator says was applied. Resolved: it went by itself. Ended: an operator has ended the feature.
    state text NOT NULL CHECK (state IN ('suspected', 'open', 'healed', 'resolved', 'ended')),
    first_seen_at timestamptz NOT NULL,
    resolved_at timestamptz,
    -- Since when it is not used any more, as an operator says, and which one.
    ended_at timestamptz,
    ended_by text,
    CONSTRAINT feature_discrepancy_ended CHECK ((state = 'ended') = (ended_at IS NOT NULL) AND (ended_at IS NULL) = (ended_by IS NULL)),
    CONSTRAINT feature_discrepancy_resolved CHECK ((resolved_at IS NULL) = (state IN ('suspected', 'open')))
);
CREATE UNIQUE INDEX feature_discrepancy_once ON feature_discrepancy (instance_id, feature) WHERE resolved_at IS NULL;
CREATE INDEX feature_discrepancy_closed ON feature_discrepancy (resolved_at) WHERE resolved_at IS NOT NULL;
CALL tenant_wall('feature_discrepancy');
