-- Which tenant's rows may a transaction see and write? Those of the tenant that it names as it begins; `common::db` names it.
-- Every query has the tenant in its WHERE as well. This wall holds when one forgets, for the tables' owner, too.

-- '*' is the platform itself, which alone sees rows of no tenant. A transaction that names nobody sees nothing.
CREATE FUNCTION in_scope(tenant uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('sevenleague.tenant', true) IN (tenant::text, '*'), false)
$$;

ALTER TABLE jobs ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON jobs USING (in_scope(tenant_id));
