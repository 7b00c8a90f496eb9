CREATE TABLE polls (
    id uuid PRIMARY KEY,
    question text NOT NULL CHECK (char_length(question) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL
);

CREATE TABLE poll_options (
    id uuid PRIMARY KEY,
    poll_id uuid NOT NULL REFERENCES polls ON DELETE CASCADE,
    position smallint NOT NULL,
    label text NOT NULL CHECK (char_length(label) BETWEEN 1 AND 80),
    CONSTRAINT poll_options_position_key UNIQUE (poll_id, position),
    CONSTRAINT poll_options_of_poll_key UNIQUE (poll_id, id)
);

CREATE TABLE poll_votes (
    poll_id uuid NOT NULL,
    option_id uuid NOT NULL,
    member_id uuid NOT NULL REFERENCES members,
    created_at timestamptz NOT NULL,
    CONSTRAINT poll_votes_once_key PRIMARY KEY (poll_id, member_id),
    -- The option is one of this poll.
    CONSTRAINT poll_votes_option_fkey FOREIGN KEY (poll_id, option_id) REFERENCES poll_options (poll_id, id) ON DELETE CASCADE
);
CREATE INDEX poll_votes_option_idx ON poll_votes (poll_id, option_id);
