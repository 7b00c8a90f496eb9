-- Which tenant's rows may a transaction see and write? Those of the tenant that it names as it begins; `common::db` names it.
-- Every query has the tenant in its WHERE as well. This wall holds when one forgets, for the tables' owner, too.

-- '*' is the platform itself. A transaction that names nobody sees nothing.
CREATE FUNCTION in_scope(tenant uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('sevenleague.tenant', true) IN (tenant::text, '*'), false)
$$;

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON tenants USING (in_scope(id));
ALTER TABLE groups ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON groups USING (in_scope(tenant_id));
ALTER TABLE group_members ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON group_members USING (in_scope(tenant_id));
ALTER TABLE grants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON grants USING (in_scope(tenant_id));
ALTER TABLE owed_stamps ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON owed_stamps USING (in_scope(tenant_id));
-- The catalog's chain is the nil tenant's.
ALTER TABLE audit ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON audit USING (in_scope(tenant_id));
ALTER TABLE roles ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON roles USING (in_scope(tenant_id));
-- Every tenant has the built-in roles; only the platform changes them.
CREATE POLICY built_in ON roles FOR SELECT USING (tenant_id IS NULL);

-- What belongs to a tenant through its parent.
ALTER TABLE role_permissions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON role_permissions USING (EXISTS (SELECT FROM roles WHERE roles.id = role_id AND in_scope(roles.tenant_id)));
ALTER TABLE role_includes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON role_includes USING (EXISTS (SELECT FROM roles WHERE roles.id = role_id AND in_scope(roles.tenant_id)));
ALTER TABLE role_versions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON role_versions USING (EXISTS (SELECT FROM roles WHERE roles.id = role_id AND in_scope(roles.tenant_id)));
