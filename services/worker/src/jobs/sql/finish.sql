WITH ended AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::jsonb[])
        AS ended (id, tenant_id, lease, state, reason, output)
), done AS (
    UPDATE jobs SET state = ended.state, last_error = ended.reason, output = ended.output, lease = NULL, lease_until = NULL,
           finished_at = now()
      FROM ended
     WHERE jobs.id = ended.id AND jobs.tenant_id = ended.tenant_id AND jobs.lease = ended.lease AND jobs.state = 'running'
    RETURNING jobs.id, jobs.tenant_id, jobs.state, jobs.last_error
), logged AS (
    INSERT INTO job_log (job_id, tenant_id, text)
    SELECT id, tenant_id, left(state || coalesce(': ' || last_error, ''), 2000) FROM done
)
SELECT id FROM done
