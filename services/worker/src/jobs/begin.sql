UPDATE jobs SET state = 'running', worker = $1, lease = $2, lease_until = now() + make_interval(secs => $3), attempts = attempts + 1,
       started_at = now(), progress = NULL, log = logged(log, 'begun by worker ' || $1)
 WHERE id = (SELECT due.id FROM unnest($4::text[], $5::integer[], $6::text[]) AS can (kind, version, bundle)
              CROSS JOIN LATERAL (
                  SELECT id, run_after FROM jobs
                   WHERE state = 'queued' AND run_after <= now() AND kind = can.kind AND version = can.version AND bundle = can.bundle
                   ORDER BY run_after, id LIMIT 1 FOR UPDATE SKIP LOCKED) AS due
              ORDER BY due.run_after, due.id LIMIT 1)
RETURNING id, lease AS "lease!", kind, version, tenant_id, instance_id, payload, attempts, takeovers, outages, run
