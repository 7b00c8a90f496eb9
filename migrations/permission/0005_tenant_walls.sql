-- Tables with rows of tenants, behind the wall that `tenant_wall` makes.

CALL tenant_wall('tenants', 'in_scope(id)');
CALL tenant_wall('groups');
CALL tenant_wall('group_members');
CALL tenant_wall('grants');
CALL tenant_wall('pending_stamps');
-- The registry's chain is the nil tenant's.
CALL tenant_wall('audit');
CALL tenant_wall('roles');
-- Every tenant has the built-in roles; only the platform changes them.
CREATE POLICY built_in ON roles FOR SELECT USING (tenant_id IS NULL);

-- What belongs to a tenant through its parent.
CALL tenant_wall('role_permissions', 'EXISTS (SELECT FROM roles WHERE roles.id = role_id AND in_scope(roles.tenant_id))');
CALL tenant_wall('role_includes', 'EXISTS (SELECT FROM roles WHERE roles.id = role_id AND in_scope(roles.tenant_id))');
CALL tenant_wall('role_versions', 'EXISTS (SELECT FROM roles WHERE roles.id = role_id AND in_scope(roles.tenant_id))');
