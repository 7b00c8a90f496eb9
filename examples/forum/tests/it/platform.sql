-- What the worker makes in an instance's database; the tour runs the worker itself.
CREATE SCHEMA platform;
CREATE TABLE platform.outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    meter text NOT NULL,
    key text NOT NULL,
    quantity numeric NOT NULL,
    occurred_at timestamptz NOT NULL
);
CREATE FUNCTION platform.count_row() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO platform.outbox (meter, key, quantity, occurred_at) VALUES (TG_ARGV[0], TG_ARGV[0] || ':' || NEW.id, 1, now());
    RETURN NULL;
END $$;
CREATE TRIGGER platform_meter_posts AFTER INSERT ON posts FOR EACH ROW EXECUTE FUNCTION platform.count_row('posts');
INSERT INTO settings (title, welcome) VALUES ('The forum', 'Come in.');
