UPDATE jobs SET worker = $1, lease = $2, lease_until = now() + make_interval(secs => $3), attempts = attempts + 1, takeovers = takeovers + 1,
       started_at = now(), progress = NULL, log = logged(log, 'taken over by worker ' || $1 || ' from worker ' || coalesce(worker, 'unknown'))
 WHERE id = (SELECT abandoned.id FROM unnest($4::text[], $5::integer[], $6::text[]) AS can (kind, version, bundle)
              CROSS JOIN LATERAL (
                  SELECT id, lease_until FROM jobs
                   WHERE state = 'running' AND lease_until < now() AND kind = can.kind AND version = can.version AND bundle = can.bundle
                   ORDER BY lease_until LIMIT 1 FOR UPDATE SKIP LOCKED) AS abandoned
              ORDER BY abandoned.lease_until LIMIT 1)
RETURNING id, lease AS "lease!", kind, version, tenant_id, instance_id, payload, attempts, takeovers, outages, run
