-- The inbox of before the weeks, which nothing prunes: whatever it knows of the last 30 days is in inbox_messages, too. Processes that
-- still write it run no more.
DROP TABLE inbox;
DROP FUNCTION inbox_of_the_version_before;
