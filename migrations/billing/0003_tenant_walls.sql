-- Tables with rows of tenants, behind the wall that `tenant_wall` makes.

CALL tenant_wall('account');
CALL tenant_wall('cycle');
CALL tenant_wall('usage_interval');
CALL tenant_wall('feature_end');
CALL tenant_wall('invoice');
CALL tenant_wall('invoice_line');
CALL tenant_wall('invoice_line_interval');
CALL tenant_wall('usage_event');
