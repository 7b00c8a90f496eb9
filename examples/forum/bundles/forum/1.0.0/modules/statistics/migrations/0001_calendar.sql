-- Every hour in UTC, so that hours in which nothing happened are rows too.
CREATE TABLE calendar_hours (
    hour timestamptz PRIMARY KEY
);

INSERT INTO calendar_hours (hour)
SELECT generate_series(timestamptz '2000-01-01 00:00+00', timestamptz '2059-12-31 23:00+00', interval '1 hour');
