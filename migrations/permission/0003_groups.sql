-- Groups, denials, roles that include roles, permissions on their way out.

CREATE TABLE groups (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    name text NOT NULL CONSTRAINT groups_name_shape CHECK (name ~ '^[a-z][a-z0-9-]{0,39}$'),
    created_at timestamptz NOT NULL,
    deleted_at timestamptz
);
CREATE UNIQUE INDEX groups_name ON groups (tenant_id, name) WHERE deleted_at IS NULL;

CREATE TABLE group_members (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    group_id uuid NOT NULL REFERENCES groups,
    principal text NOT NULL CONSTRAINT group_members_principal CHECK (principal ~ '^(user|client):.+$'),
    added_by text NOT NULL,
    added_at timestamptz NOT NULL,
    -- Former memberships stay: they are the history.
    removed_by text,
    removed_at timestamptz,
    CONSTRAINT group_members_removal CHECK ((removed_at IS NULL) = (removed_by IS NULL))
);
CREATE UNIQUE INDEX group_members_once ON group_members (group_id, principal) WHERE removed_at IS NULL;
CREATE INDEX group_members_of_principal ON group_members (tenant_id, principal);

-- A grant's principal may be a group, and a grant may deny.
ALTER TABLE grants DROP CONSTRAINT grants_principal;
ALTER TABLE grants ADD CONSTRAINT grants_principal CHECK (principal ~ '^(user|client|group):.+$');
ALTER TABLE grants ADD COLUMN effect text NOT NULL DEFAULT 'allow' CONSTRAINT grants_effect CHECK (effect IN ('allow', 'deny'));
DROP INDEX grants_once;
CREATE UNIQUE INDEX grants_once ON grants (tenant_id, principal, role_id, permission, effect) NULLS NOT DISTINCT WHERE revoked_at IS NULL;
CREATE INDEX grants_of_principal ON grants (tenant_id, principal);

-- Counts the edits of a role; its ETag.
ALTER TABLE roles ADD COLUMN revision integer NOT NULL DEFAULT 1;

-- Acyclic and at most five roles deep, which is checked under the tenant's lock.
CREATE TABLE role_includes (
    role_id uuid NOT NULL REFERENCES roles,
    included_id uuid NOT NULL REFERENCES roles,
    PRIMARY KEY (role_id, included_id)
);
CREATE INDEX role_includes_of_included ON role_includes (included_id);

-- Still held and granted, but its service may remove it although somebody has it.
ALTER TABLE permissions ADD COLUMN deprecated boolean NOT NULL DEFAULT false;
