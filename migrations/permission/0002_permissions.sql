-- Who may do what: the registry of permissions and their namespaces, roles, grants, and the stamps that Redis does not have yet.

CREATE TABLE tenants (
    id uuid PRIMARY KEY,
    -- Permissions of scope 'platform' mean something only in tenants of kind 'platform'.
    kind text NOT NULL CONSTRAINT tenants_kind CHECK (kind IN ('customer', 'platform')),
    created_at timestamptz NOT NULL
);

CREATE TABLE namespaces (
    name text PRIMARY KEY,
    -- 'registered' by the platform service of that name, or 'published' as a product through configurator; the first one keeps it.
    origin text NOT NULL CONSTRAINT namespaces_origin CHECK (origin IN ('registered', 'published')),
    -- Newest published version, so that an older one that arrives late changes nothing.
    version text
);

CREATE TABLE permissions (
    id uuid PRIMARY KEY,
    name text NOT NULL CONSTRAINT permissions_name UNIQUE,
    namespace text NOT NULL REFERENCES namespaces,
    text text NOT NULL,
    dangerous boolean NOT NULL,
    scope text NOT NULL CONSTRAINT permissions_scope CHECK (scope IN ('tenant', 'platform')),
    -- Built-in roles that hold it by their name; owner and operator hold theirs by rule.
    roles text[] NOT NULL,
    -- A removed permission stays as a row, because grants of the past name it.
    removed_at timestamptz,
    CONSTRAINT permissions_in_namespace CHECK (starts_with(name, namespace || '.'))
);
CREATE INDEX permissions_by_namespace ON permissions (namespace);

CREATE TABLE roles (
    id uuid PRIMARY KEY,
    -- Null for the built-in roles, which every tenant has.
    tenant_id uuid REFERENCES tenants,
    name text NOT NULL CONSTRAINT roles_name_shape CHECK (name ~ '^[a-z][a-z0-9-]{0,39}$'),
    created_at timestamptz NOT NULL,
    deleted_at timestamptz,
    CONSTRAINT roles_reserved_name CHECK ((tenant_id IS NULL) = (name IN ('owner', 'member', 'operator')))
);
CREATE UNIQUE INDEX roles_name ON roles (tenant_id, name) NULLS NOT DISTINCT WHERE deleted_at IS NULL;

INSERT INTO roles (id, tenant_id, name, created_at) VALUES
    ('00000000-0000-7000-8000-000000000001', NULL, 'owner', '2026-01-01T00:00:00Z'),
    ('00000000-0000-7000-8000-000000000002', NULL, 'member', '2026-01-01T00:00:00Z'),
    ('00000000-0000-7000-8000-000000000003', NULL, 'operator', '2026-01-01T00:00:00Z');

-- What a tenant's own role holds: names, or 'forum.*' for all of a namespace except what is dangerous.
CREATE TABLE role_permissions (
    role_id uuid NOT NULL REFERENCES roles,
    pattern text NOT NULL CONSTRAINT role_permissions_pattern CHECK (pattern ~ '^[a-z][a-z0-9-]*\.([A-Za-z0-9]+|\*)$'),
    PRIMARY KEY (role_id, pattern)
);

CREATE TABLE grants (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    principal text NOT NULL CONSTRAINT grants_principal CHECK (principal ~ '^(user|client):.+$'),
    role_id uuid REFERENCES roles,
    permission text REFERENCES permissions (name),
    expires_at timestamptz,
    reason text CONSTRAINT grants_reason CHECK (char_length(reason) <= 500),
    granted_by text NOT NULL,
    granted_at timestamptz NOT NULL,
    -- Revoked grants stay: they are the history.
    revoked_by text,
    revoked_at timestamptz,
    CONSTRAINT grants_role_or_permission CHECK (num_nonnulls(role_id, permission) = 1),
    CONSTRAINT grants_expiry CHECK (expires_at > granted_at),
    CONSTRAINT grants_revocation CHECK ((revoked_at IS NULL) = (revoked_by IS NULL))
);
CREATE UNIQUE INDEX grants_once ON grants (tenant_id, principal, role_id, permission) NULLS NOT DISTINCT WHERE revoked_at IS NULL;
CREATE INDEX grants_of_role ON grants (role_id) WHERE revoked_at IS NULL;
CREATE INDEX grants_of_permission ON grants (permission) WHERE revoked_at IS NULL;

-- A committed change whose new stamp is not known to be in Redis. Written with the change, deleted after the stamp: a crash or an
-- outage of Redis in between loses none.
CREATE TABLE pending_stamps (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    -- Null: the stamp of the whole tenant.
    principal text
);
