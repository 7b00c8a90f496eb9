-- A price belongs to the version of the service that an instance runs, not to whatever was announced last.
SET LOCAL sevenleague.tenant = '*';

-- 1.10.0 is later than 1.9.0.
ALTER TABLE rate ADD COLUMN release bigint[] NOT NULL GENERATED ALWAYS AS (string_to_array(version, '.')::bigint[]) STORED;

-- What the instance ran when the interval began; null where nobody said so (configurators before this one do not).
ALTER TABLE usage_interval ADD COLUMN version text;
CREATE INDEX usage_interval_of_instance ON usage_interval (instance_id, begin_at);

-- What is in use keeps the price that it has been billed at so far.
UPDATE usage_interval i SET version = r.version
FROM account a, rate_period r
WHERE a.tenant_id = i.tenant_id AND r.kind = 'feature' AND r.service = i.service AND r.name = i.feature AND r.currency = a.currency
  AND r.valid_from <= i.begin_at AND (r.valid_until IS NULL OR r.valid_until > i.begin_at);

-- Which version did an instance run when? From one enabling of the service itself to the next. The only place that says so.
-- Use before the first belongs to the first, as clocks differ. Where nobody said the version, it is the latest that had been announced: that is what the
-- configurator enables. `rate_period` is what billing before this migration reads.
CREATE VIEW instance_version WITH (security_invoker) AS
SELECT tenant_id, instance_id, service,
       coalesce(version, (SELECT r.version FROM rate r WHERE r.service = i.service AND r.valid_from <= i.begin_at ORDER BY r.release DESC LIMIT 1)) AS version,
       CASE WHEN lag(begin_at) OVER enabled IS NULL THEN '-infinity' ELSE begin_at END AS from_at,
       lead(begin_at) OVER enabled AS until_at
FROM usage_interval i WHERE feature = service
WINDOW enabled AS (PARTITION BY tenant_id, instance_id, service ORDER BY begin_at);
