CREATE TABLE settings (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    title text NOT NULL CHECK (char_length(title) BETWEEN 1 AND 80),
    welcome text NOT NULL CHECK (char_length(welcome) <= 500)
);

CREATE TABLE members (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 40),
    email text NOT NULL CHECK (char_length(email) BETWEEN 3 AND 254),
    -- PHC string; null for members who never sign in.
    password_hash text,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX members_name_key ON members (lower(name));
CREATE UNIQUE INDEX members_email_key ON members (lower(email));

CREATE TABLE sessions (
    -- SHA-256 of the token, so that a copy of this table opens no session.
    token_hash bytea PRIMARY KEY,
    member_id uuid NOT NULL REFERENCES members ON DELETE CASCADE,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_member_id_idx ON sessions (member_id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

CREATE TABLE topics (
    id uuid PRIMARY KEY,
    title text NOT NULL CHECK (char_length(title) BETWEEN 1 AND 120),
    created_at timestamptz NOT NULL
);

-- A topic's opening text is its first post.
CREATE TABLE posts (
    id uuid PRIMARY KEY,
    topic_id uuid NOT NULL REFERENCES topics ON DELETE CASCADE,
    member_id uuid NOT NULL REFERENCES members,
    body text NOT NULL CHECK (char_length(body) BETWEEN 1 AND 10000),
    created_at timestamptz NOT NULL
);
CREATE INDEX posts_topic_id_idx ON posts (topic_id, id);
CREATE INDEX posts_created_at_idx ON posts (created_at);
CREATE INDEX posts_member_id_idx ON posts (member_id);

-- UUIDv7 (RFC 9562 section 5.7) of a point in time, for rows that are made in SQL; PostgreSQL has its own from 18 on.
CREATE FUNCTION uuid_v7(at timestamptz) RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14))::uuid
$$;
