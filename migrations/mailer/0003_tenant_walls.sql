-- Tables with rows of tenants, behind the wall that `tenant_wall` makes.

CALL tenant_wall('messages');
