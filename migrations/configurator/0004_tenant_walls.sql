-- Which tenant's rows may a transaction see and write? Those of the tenant that it names as it begins; `common::db` names it.
-- Every query has the tenant in its WHERE as well. This wall holds when one forgets, for the tables' owner, too.

-- '*' is the platform itself. A transaction that names nobody sees nothing.
CREATE FUNCTION in_scope(tenant uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('sevenleague.tenant', true) IN (tenant::text, '*'), false)
$$;

ALTER TABLE instances ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON instances USING (in_scope(tenant_id));

-- What belongs to a tenant through its parent.
ALTER TABLE instance_modules ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON instance_modules USING (EXISTS (SELECT FROM instances WHERE instances.id = instance_id AND in_scope(instances.tenant_id)));
ALTER TABLE instance_secrets ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON instance_secrets USING (EXISTS (SELECT FROM instances WHERE instances.id = instance_id AND in_scope(instances.tenant_id)));
