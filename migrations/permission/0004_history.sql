-- What was changed, by whom, and what held at an instant of the past.

-- Counts the changes of a tenant; every write answers with it.
ALTER TABLE tenants ADD COLUMN version bigint NOT NULL DEFAULT 0;

-- Every revision that a tenant's role has had; the newest says what role_permissions and role_includes say.
CREATE TABLE role_versions (
    role_id uuid NOT NULL REFERENCES roles,
    revision integer NOT NULL,
    name text NOT NULL,
    permissions text[] NOT NULL,
    includes uuid[] NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (role_id, revision)
);
INSERT INTO role_versions (role_id, revision, name, permissions, includes, since)
SELECT id, 1, name, ARRAY(SELECT pattern FROM role_permissions WHERE role_id = id ORDER BY pattern COLLATE "C"), '{}', created_at
FROM roles WHERE tenant_id IS NOT NULL;

-- Every state that a permission has had, as far as it decides who may do what.
CREATE TABLE permission_versions (
    name text NOT NULL REFERENCES permissions (name),
    since timestamptz NOT NULL,
    dangerous boolean NOT NULL,
    scope text NOT NULL,
    roles text[] NOT NULL,
    removed boolean NOT NULL,
    PRIMARY KEY (name, since)
);
-- What was before this table is not known; what is now is taken to have been so from the start.
INSERT INTO permission_versions (name, since, dangerous, scope, roles, removed)
SELECT name, '2026-01-01T00:00:00Z', dangerous, scope, roles, removed_at IS NOT NULL FROM permissions;

-- One row a change, written in its transaction; version has no gaps within a tenant. The nil tenant's chain is the registry's.
CREATE TABLE audit (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
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

-- jsonb prints the same value the same way, and an epoch does not depend on the session's time zone.
CREATE FUNCTION audit_hash(entry audit) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(entry.previous || convert_to(jsonb_build_array(
        entry.id, entry.tenant_id, entry.version, extract(epoch FROM entry.at), entry.actor, entry.action, entry.target, entry.origin, entry.before, entry.after
    )::text, 'UTF8'))
$$;

CREATE FUNCTION audit_link() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.version = 1 THEN
        NEW.previous := decode(repeat('00', 32), 'hex');
    ELSE
        SELECT hash INTO STRICT NEW.previous FROM audit WHERE tenant_id = NEW.tenant_id AND version = NEW.version - 1;
    END IF;
    NEW.hash := audit_hash(NEW);
    RETURN NEW;
END $$;
CREATE TRIGGER audit_link BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_link();

CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is only appended to' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

-- The first version at which a tenant's chain is broken; null if it is whole. `head` is the newest version there must be.
CREATE FUNCTION audit_broken_at(tenant uuid, head bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT min(broken) FROM (
        SELECT expected AS broken FROM generate_series(1, head) AS expected
        LEFT JOIN audit entry ON entry.tenant_id = tenant AND entry.version = expected
        LEFT JOIN audit earlier ON earlier.tenant_id = tenant AND earlier.version = expected - 1
        WHERE entry.id IS NULL
           OR entry.hash <> audit_hash(entry)
           OR entry.previous <> COALESCE(earlier.hash, decode(repeat('00', 32), 'hex'))
    ) faults
$$;
