-- Tables with rows of tenants, behind the wall that `tenant_wall` makes.

CALL tenant_wall('tenants', 'in_scope(id)');
CALL tenant_wall('memberships');
CALL tenant_wall('invitations');
CALL tenant_wall('sessions');
CALL tenant_wall('clients');
CALL tenant_wall('api_keys');

-- What belongs to a tenant through its parent.
CALL tenant_wall('refresh_tokens', 'EXISTS (SELECT FROM sessions WHERE sessions.id = session_id AND in_scope(sessions.tenant_id))');
CALL tenant_wall('client_secrets', 'EXISTS (SELECT FROM clients WHERE clients.id = client_id AND in_scope(clients.tenant_id))');
