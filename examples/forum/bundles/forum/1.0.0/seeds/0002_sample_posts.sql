-- One topic whose posts are spread over the last day; nothing at all if no posts are wanted.
CREATE TEMPORARY TABLE sample ON COMMIT DROP AS
SELECT coalesce((current_setting('seed.settings')::jsonb->>'sample_posts')::int, 0) AS posts, now() - interval '1 day' AS since;

INSERT INTO members (id, name, email, created_at)
SELECT uuid_v7(since), 'sample', 'sample@sample.invalid', since FROM sample WHERE posts > 0;

INSERT INTO topics (id, title, created_at)
SELECT uuid_v7(since), 'What a topic looks like', since FROM sample WHERE posts > 0;

INSERT INTO posts (id, topic_id, member_id, body, created_at)
SELECT uuid_v7(at), topics.id, members.id, 'Sample post ' || number || ' of ' || posts || '.', at
FROM sample
CROSS JOIN topics
CROSS JOIN members
CROSS JOIN LATERAL generate_series(1, posts) AS number
CROSS JOIN LATERAL (SELECT since + interval '1 day' * number / (posts + 1)) AS spread (at);
