-- What is in use is listed page by page, and what is deleted stays in the table.
CREATE INDEX instances_active ON instances (id) WHERE state = 'active';
