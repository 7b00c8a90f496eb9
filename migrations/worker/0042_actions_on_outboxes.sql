-- Operators also release what is parked in an outbox (then `queue` is outbox/<service>).
ALTER TABLE queue_actions DROP CONSTRAINT queue_actions_action_check;
ALTER TABLE queue_actions ADD CONSTRAINT queue_actions_action_check
    CHECK (action IN ('pause', 'resume', 'edit', 'redrive', 'release', 'delete'));
