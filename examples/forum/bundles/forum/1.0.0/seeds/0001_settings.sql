INSERT INTO settings (title, welcome)
SELECT filled_in->>'title', coalesce(filled_in->>'welcome', '')
FROM (SELECT current_setting('seed.settings')::jsonb AS filled_in) AS setup;
