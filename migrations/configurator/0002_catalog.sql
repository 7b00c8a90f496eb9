-- What the product services offer, one row a published version; never updated, never deleted.
CREATE TABLE service_versions (
    id uuid PRIMARY KEY,
    service text NOT NULL,
    version text NOT NULL CHECK (version ~ '^[0-9]+\.[0-9]+\.[0-9]+$'),
    -- 1.10.0 is later than 1.9.0.
    release bigint[] NOT NULL GENERATED ALWAYS AS (string_to_array(version, '.')::bigint[]) STORED,
    manifest jsonb NOT NULL,
    published_at timestamptz NOT NULL,
    -- The principal: user:<uuid> or client:<id>.
    published_by text NOT NULL,
    CONSTRAINT service_versions_once UNIQUE (service, version)
);

CREATE INDEX service_versions_latest ON service_versions (service, release DESC);
