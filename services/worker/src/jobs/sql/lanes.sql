SELECT lane.kind, lane.version, lane.bundle, lane.tenant_id, rate.jobs AS "jobs?", rate.seconds AS "seconds?", budget.jobs_per_day AS "jobs_per_day?", now() AS "now!"
  FROM (SELECT due.* FROM unnest($1::text[], $2::integer[], $3::text[]) AS can (kind, version, bundle)
         CROSS JOIN LATERAL (
             SELECT * FROM job_lanes
              WHERE kind = can.kind AND version = can.version AND bundle = can.bundle AND next_at <= now()
              ORDER BY next_at LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED) AS due
         ORDER BY due.next_at LIMIT $4) AS lane
  LEFT JOIN LATERAL (
      SELECT jobs, seconds FROM job_rates
       WHERE kind = lane.kind AND (tenant_id = lane.tenant_id OR tenant_id IS NULL) ORDER BY tenant_id NULLS LAST LIMIT 1) AS rate ON true
  -- The platform's own jobs, without which an instance or the end of another job would wait, wait for no budget.
  LEFT JOIN job_budgets AS budget ON budget.tenant_id = lane.tenant_id AND lane.kind NOT IN ('bundle.failure', 'instance.migrate', 'instance.seed')
 ORDER BY lane.next_at
