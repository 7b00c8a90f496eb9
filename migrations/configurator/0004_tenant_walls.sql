-- Tables with rows of tenants, behind the wall that `tenant_wall` makes.

CALL tenant_wall('instances');

-- What belongs to a tenant through its parent.
CALL tenant_wall('instance_modules', 'EXISTS (SELECT FROM instances WHERE instances.id = instance_id AND in_scope(instances.tenant_id))');
CALL tenant_wall('instance_secrets', 'EXISTS (SELECT FROM instances WHERE instances.id = instance_id AND in_scope(instances.tenant_id))');
