-- The wall between tenants, in each service's database: a transaction sees and writes the rows of the tenant that it names as it begins
-- (`common::db`). Every query has the tenant in its WHERE as well; the wall holds when one forgets, for the tables' owner, too.

-- '*' is the platform itself, which alone sees rows of no tenant. A transaction that names nobody sees nothing.
CREATE OR REPLACE FUNCTION in_scope(tenant uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(current_setting('sevenleague.tenant', true) IN (tenant::text, '*'), false)
$$;

-- Puts a table behind the wall. `visible` is the condition for a row to be seen and written.
CREATE PROCEDURE tenant_wall(walled regclass, visible text DEFAULT 'in_scope(tenant_id)') LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', walled);
    EXECUTE format('CREATE POLICY tenant_wall ON %s USING (%s)', walled, visible);
END $$;
