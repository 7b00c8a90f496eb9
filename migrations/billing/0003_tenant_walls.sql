-- Which tenant's rows may a transaction see and write? Those of the tenant that it names as it begins; `common::db` names it.
-- Every query has the tenant in its WHERE as well. This wall holds when one forgets, for the tables' owner, too.

-- '*' is the platform itself. A transaction that names nobody sees nothing.
CREATE FUNCTION in_scope(tenant uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('sevenleague.tenant', true) IN (tenant::text, '*'), false)
$$;

ALTER TABLE account ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON account USING (in_scope(tenant_id));
ALTER TABLE cycle ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON cycle USING (in_scope(tenant_id));
ALTER TABLE usage_interval ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON usage_interval USING (in_scope(tenant_id));
ALTER TABLE feature_end ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON feature_end USING (in_scope(tenant_id));
ALTER TABLE invoice ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON invoice USING (in_scope(tenant_id));
ALTER TABLE invoice_line ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON invoice_line USING (in_scope(tenant_id));
ALTER TABLE invoice_line_interval ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON invoice_line_interval USING (in_scope(tenant_id));
ALTER TABLE usage_event ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON usage_event USING (in_scope(tenant_id));
