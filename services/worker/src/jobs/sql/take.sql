WITH taken AS (
    UPDATE jobs SET state = 'running', worker = $1, lease = $2, lease_until = now() + make_interval(secs => $3), attempts = attempts + 1,
           started_at = now(), first_started_at = coalesce(first_started_at, now()), progress = NULL
     WHERE id = ANY (ARRAY(
         SELECT due.id FROM unnest($4::text[], $5::integer[], $6::text[], $7::uuid[], $8::integer[]) AS lane (kind, version, bundle, tenant_id, quota)
          CROSS JOIN LATERAL (
              SELECT id FROM jobs
               WHERE state = 'queued' AND kind = lane.kind AND version = lane.version AND bundle = lane.bundle
                 AND tenant_id = lane.tenant_id AND run_after <= now()
               ORDER BY priority, run_after, id LIMIT lane.quota FOR UPDATE SKIP LOCKED) AS due))
    RETURNING *
), logged AS (
    INSERT INTO job_log (job_id, tenant_id, text) SELECT id, tenant_id, 'begun by worker ' || $1 FROM taken
), counted AS (
    INSERT INTO job_days (tenant_id, day, begun)
    SELECT tenant_id, (now() AT TIME ZONE 'UTC')::date, count(*) FROM taken WHERE first_started_at = now() AND kind NOT IN ('bundle.failure', 'instance.migrate', 'instance.seed') GROUP BY tenant_id ORDER BY tenant_id
    ON CONFLICT (tenant_id, day) DO UPDATE SET begun = job_days.begun + excluded.begun
)
SELECT id, lease AS "lease!", kind, version, bundle, tenant_id, instance_id, payload, attempts, takeovers, outages, run, cancelled_by, traceparent,
       unique_key IS NOT NULL AS "unique!" FROM taken
