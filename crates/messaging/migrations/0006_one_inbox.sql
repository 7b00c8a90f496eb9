-- The inbox of before the weeks, which nothing prunes: whatever it knows of the last 30 days is in inbox_messages, too. A mailer of before
-- puts events of SES off until it is replaced, and gives one up after an hour.
DROP TABLE inbox;
DROP FUNCTION inbox_of_the_version_before;
