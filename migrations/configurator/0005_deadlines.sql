-- Every passing state has a deadline and an exit; hosts of somebody's own domain are proved before an instance lives on them.
ALTER TABLE instances DROP CONSTRAINT instances_state_check;
ALTER TABLE instances ADD CONSTRAINT instances_state_check CHECK (state IN
    ('awaiting_proof', 'requested', 'provisioning', 'awaiting_setup', 'migrating', 'seeding', 'active', 'deleting', 'deleted'));

-- What the DNS record of the host must say, and when a person last had it looked up.
ALTER TABLE instances ADD COLUMN proof_token text;
ALTER TABLE instances ADD COLUMN proof_checked_at timestamptz;
ALTER TABLE instances ADD CONSTRAINT instances_proof CHECK (state <> 'awaiting_proof' OR proof_token IS NOT NULL);

-- Whoever waits for a proof holds no host: the first to prove has it. What is being deleted has given it free.
DROP INDEX instances_host;
CREATE UNIQUE INDEX instances_host ON instances (host) WHERE state NOT IN ('awaiting_proof', 'deleting', 'deleted');

-- From now on `due_at` is the instant at which a passing state is looked at again, whoever does that.
DROP INDEX instances_due;
CREATE INDEX instances_due ON instances (due_at) WHERE state IN ('requested', 'provisioning', 'deleting');
CREATE INDEX instances_overdue ON instances (due_at) WHERE state IN ('migrating', 'seeding') AND reason IS NULL;
CREATE INDEX instances_unproved ON instances (due_at) WHERE state = 'awaiting_proof' AND reason IS NULL;
CREATE INDEX instances_unfinished ON instances (state_since)
    WHERE state IN ('awaiting_proof', 'requested', 'provisioning', 'awaiting_setup', 'migrating', 'seeding');
