-- Which tenant's rows may a transaction see and write? Those of the tenant that it names as it begins; `common::db` names it.
-- Every query has the tenant in its WHERE as well. This wall holds when one forgets, for the tables' owner, too.

-- '*' is the platform itself. A transaction that names nobody sees nothing.
CREATE FUNCTION in_scope(tenant uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('sevenleague.tenant', true) IN (tenant::text, '*'), false)
$$;

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON tenants USING (in_scope(id));
ALTER TABLE memberships ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON memberships USING (in_scope(tenant_id));
ALTER TABLE invitations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON invitations USING (in_scope(tenant_id));
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON sessions USING (in_scope(tenant_id));
ALTER TABLE clients ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON clients USING (in_scope(tenant_id));
ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON api_keys USING (in_scope(tenant_id));

-- What belongs to a tenant through its parent.
ALTER TABLE refresh_tokens ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON refresh_tokens USING (EXISTS (SELECT FROM sessions WHERE sessions.id = session_id AND in_scope(sessions.tenant_id)));
ALTER TABLE client_secrets ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON client_secrets USING (EXISTS (SELECT FROM clients WHERE clients.id = client_id AND in_scope(clients.tenant_id)));
