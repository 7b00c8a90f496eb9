-- Which of its changes of features an instance has told last: 1, 2, 3 … Whoever listens finds by it what has not come.
-- Whoever tells counts; no trigger does. A configurator of the version before tells without a number, so one that was
-- taken for its change would be missing for ever. What was told so far is not counted either.
ALTER TABLE instances ADD COLUMN feature_generation bigint NOT NULL DEFAULT 0 CHECK (feature_generation >= 0);
