-- Their bytes are in the bucket, at files/<id>.
CREATE TABLE files (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    bytes bigint NOT NULL CHECK (bytes BETWEEN 1 AND 33554432),
    created_at timestamptz NOT NULL
);

-- A file is read once; if that fails, it may be tried again, by another job.
CREATE TABLE extractions (
    id uuid PRIMARY KEY,
    file_id uuid NOT NULL UNIQUE REFERENCES files ON DELETE CASCADE,
    job_id uuid NOT NULL UNIQUE,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'succeeded', 'failed')),
    -- Why it failed, for people.
    reason text,
    page_count integer,
    ordered_at timestamptz NOT NULL,
    finished_at timestamptz,
    CHECK ((state = 'pending') = (finished_at IS NULL)),
    CHECK ((state = 'failed') = (reason IS NOT NULL)),
    CHECK ((state = 'succeeded') = (page_count IS NOT NULL))
);

CREATE TABLE pages (
    id uuid PRIMARY KEY,
    extraction_id uuid NOT NULL REFERENCES extractions ON DELETE CASCADE,
    number integer NOT NULL CHECK (number >= 1),
    text text NOT NULL,
    -- Tables of rows of cells.
    tables jsonb NOT NULL,
    UNIQUE (extraction_id, number)
);

-- The worker calls one of these when a job has ended. A job that was replaced, or whose file was deleted, has no row.
CREATE FUNCTION take_result(job_id uuid, output jsonb) RETURNS void LANGUAGE sql AS $$
    WITH taken AS (
        UPDATE extractions
           SET state = 'succeeded', reason = NULL, page_count = jsonb_array_length($2->'pages'), finished_at = now()
         WHERE extractions.job_id = $1 AND state <> 'succeeded'
        RETURNING id
    )
    INSERT INTO pages (id, extraction_id, number, text, tables)
    SELECT gen_random_uuid(), taken.id, (page->>'number')::integer, page->>'text', page->'tables'
      FROM taken CROSS JOIN jsonb_array_elements($2->'pages') AS page
$$;

-- The command's own reasons are whole sentences for users; those of the worker go on from a beginning.
CREATE FUNCTION take_failure(job_id uuid, reason text) RETURNS void LANGUAGE sql AS $$
    UPDATE extractions
       SET state = 'failed', finished_at = now(),
           reason = CASE WHEN $2 ~ '^[[:upper:]]' THEN $2 ELSE 'The file could not be read: ' || $2 || '.' END
     WHERE extractions.job_id = $1 AND state <> 'succeeded'
$$;
