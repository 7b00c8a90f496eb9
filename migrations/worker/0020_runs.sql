-- Which run of a job ended? An operator's retry is a run of its own, and whoever waited for the job is told of its end as well.
ALTER TABLE jobs ADD COLUMN run integer NOT NULL DEFAULT 1;
