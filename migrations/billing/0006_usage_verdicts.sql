-- Why a metered event does not count: what was refused with its whole message is kept for itself now, and shown with its reason.
--
-- While a billing of the version before runs beside this one it takes no such event, and cannot read their reasons: its list of parked usage
-- and its gauges fail until it ends. Nothing is lost by that.
ALTER TABLE usage_parked DROP CONSTRAINT usage_parked_quantity_check, DROP CONSTRAINT usage_parked_reason_check;
-- The first two pass by themselves; the others wait for a person, for a time.
ALTER TABLE usage_parked ADD CONSTRAINT usage_parked_reason CHECK (reason IN ('instance_unknown', 'in_the_future', 'instance_of_another',
    'key_used', 'meter_unknown', 'quantity_negative', 'too_old'));
CREATE INDEX usage_parked_waiting ON usage_parked (tenant_id, service) WHERE reason NOT IN ('instance_unknown', 'in_the_future');
CREATE INDEX usage_parked_received ON usage_parked (received_at) WHERE reason NOT IN ('instance_unknown', 'in_the_future');
