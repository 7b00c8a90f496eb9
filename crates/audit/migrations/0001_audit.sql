-- The audit: who changed what, in each service's database. It runs after the service's own files: the permission service's had this table
-- before others did.

CREATE TABLE IF NOT EXISTS audit (
    id uuid PRIMARY KEY,
    -- Whose chain it is; the nil tenant's has what is no tenant's.
    tenant_id uuid NOT NULL,
    -- Counts the entries of a chain; it has no gaps.
    version bigint NOT NULL CONSTRAINT audit_version CHECK (version > 0),
    at timestamptz NOT NULL,
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    -- From where: request, session, client and address, as far as they are known.
    origin jsonb NOT NULL,
    before jsonb,
    after jsonb,
    -- SHA-256 of the entry before; 32 zero bytes before the first.
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_once UNIQUE (tenant_id, version)
);

DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_policy WHERE polrelid = 'audit'::regclass) THEN
        CALL tenant_wall('audit');
    END IF;
END $$;

-- The words in a value, without the names of its fields.
CREATE FUNCTION audit_values(value jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_path_query_array(value, 'strict $.** ? (@.type() == "string" || @.type() == "number")')::text, '')
$$;

-- All words of an entry; ids and names of actions fall apart at their punctuation, as what is searched for does. PostgreSQL uses no index
-- for a search before the wall has looked at a row, so there is none: a page reads its chain a bounded piece at a time.
ALTER TABLE audit ADD COLUMN words tsvector NOT NULL GENERATED ALWAYS AS (to_tsvector('simple', translate(
    actor || ' ' || action || ' ' || target || ' ' || audit_values(origin) || ' ' || audit_values(before) || ' ' || audit_values(after),
    '.:;_/@-+~#=<>&|()"{}[],\', repeat(' ', 24)))) STORED;

CREATE INDEX audit_by_actor ON audit (tenant_id, actor, version);
CREATE INDEX audit_by_action ON audit (tenant_id, action, version);
CREATE INDEX audit_by_target ON audit (tenant_id, target, version);
CREATE INDEX audit_by_time ON audit (tenant_id, at, version);

-- The end of each chain: an entry that is cut off there is missed, and writers of a chain wait for each other here.
CREATE TABLE audit_heads (
    tenant_id uuid PRIMARY KEY,
    version bigint NOT NULL,
    hash bytea NOT NULL
);
CALL tenant_wall('audit_heads');

SET LOCAL sevenleague.tenant = '*';
INSERT INTO audit_heads (tenant_id, version, hash)
SELECT DISTINCT ON (tenant_id) tenant_id, version, hash FROM audit ORDER BY tenant_id, version DESC;

-- jsonb prints the same value the same way, and an epoch does not depend on the session's time zone.
CREATE OR REPLACE FUNCTION audit_hash(entry audit) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(entry.previous || convert_to(jsonb_build_array(
        entry.id, entry.tenant_id, entry.version, extract(epoch FROM entry.at), entry.actor, entry.action, entry.target, entry.origin,
        entry.before, entry.after
    )::text, 'UTF8'))
$$;

-- Links an entry to the head of its chain, which it is from then on. An entry that somebody has taken away stops nobody from writing the
-- next one: that it is missing is told by whoever verifies the chain.
CREATE OR REPLACE FUNCTION audit_link() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT hash INTO NEW.previous FROM audit_heads WHERE tenant_id = NEW.tenant_id FOR NO KEY UPDATE;
    NEW.previous := coalesce(NEW.previous, decode(repeat('00', 32), 'hex'));
    NEW.hash := audit_hash(NEW);
    INSERT INTO audit_heads (tenant_id, version, hash) VALUES (NEW.tenant_id, NEW.version, NEW.hash)
    ON CONFLICT (tenant_id) DO UPDATE SET version = excluded.version, hash = excluded.hash;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER audit_link BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_link();

-- Appends to a chain; gives the entry's version. Whoever appends to the same chain waits from here to the commit. The scope of the
-- transaction is the chain's for as long as this takes.
CREATE FUNCTION audit_append(
    id uuid, chain uuid, at timestamptz, actor text, action text, target text, origin jsonb, before jsonb, after jsonb
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    scope CONSTANT text := coalesce(current_setting('sevenleague.tenant', true), '');
    made bigint;
BEGIN
    PERFORM set_config('sevenleague.tenant', chain::text, true);
    INSERT INTO audit_heads (tenant_id, version, hash) VALUES (chain, 0, decode(repeat('00', 32), 'hex')) ON CONFLICT DO NOTHING;
    SELECT version + 1 INTO STRICT made FROM audit_heads WHERE tenant_id = chain FOR NO KEY UPDATE;
    INSERT INTO audit (id, tenant_id, version, at, actor, action, target, origin, before, after)
    VALUES (id, chain, made, at, actor, action, target, origin, before, after);
    PERFORM set_config('sevenleague.tenant', scope, true);
    RETURN made;
END $$;

CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is only appended to' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE OR REPLACE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_heads_stay BEFORE DELETE OR TRUNCATE ON audit_heads FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_heads_go_on BEFORE UPDATE ON audit_heads
FOR EACH ROW WHEN (NEW.tenant_id <> OLD.tenant_id OR NEW.version <= OLD.version) EXECUTE FUNCTION audit_refuse();
