WITH abandoned AS MATERIALIZED (
    SELECT late.id, late.worker FROM unnest($4::text[], $5::integer[], $6::text[]) AS can (kind, version, bundle)
     CROSS JOIN LATERAL (
         SELECT id, worker, lease_until FROM jobs
          WHERE state = 'running' AND lease_until < now() AND kind = can.kind AND version = can.version AND bundle = can.bundle
          ORDER BY lease_until LIMIT $7 FOR UPDATE SKIP LOCKED) AS late
     ORDER BY late.lease_until LIMIT $7
), taken AS (
    UPDATE jobs SET worker = $1, lease = $2, lease_until = now() + make_interval(secs => $3), attempts = attempts + 1,
           takeovers = takeovers + 1, started_at = now(), progress = NULL
     WHERE id = ANY (ARRAY(SELECT id FROM abandoned))
    RETURNING *
), logged AS (
    INSERT INTO job_log (job_id, tenant_id, text)
    SELECT taken.id, tenant_id, 'taken over by worker ' || $1 || ' from worker ' || coalesce(abandoned.worker, 'unknown')
      FROM taken JOIN abandoned ON abandoned.id = taken.id
)
SELECT id, lease AS "lease!", kind, version, bundle, tenant_id, instance_id, payload, attempts, takeovers, outages, run, cancelled_by, traceparent,
       unique_key IS NOT NULL AS "unique!" FROM taken
