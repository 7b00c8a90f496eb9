-- What the mailer keeps are mails; messages are what services send each other. What was kept for processes of earlier versions goes.
SET LOCAL sevenleague.tenant = '*';

DROP TRIGGER sealed_for_openers ON messages;
DROP FUNCTION pass_by();
DROP TABLE suppressions;
DROP FUNCTION follow_suppressions();
DROP INDEX messages_kept;
ALTER TABLE messages DROP COLUMN variables, DROP COLUMN opener;

ALTER TABLE messages RENAME TO mails;
-- Template and variables, under AES-256-GCM and bound to the row's id. Emptied once the mail has left: it may hold links that let people in.
ALTER TABLE mails RENAME COLUMN variables_sealed TO content_sealed;
ALTER TABLE mails RENAME CONSTRAINT messages_pkey TO mails_pkey;
ALTER TABLE mails RENAME CONSTRAINT messages_key_unique TO mails_key_unique;
ALTER TABLE mails RENAME CONSTRAINT messages_status_check TO mails_status_check;
ALTER INDEX messages_waiting RENAME TO mails_waiting;
ALTER INDEX messages_due RENAME TO mails_due;
ALTER INDEX messages_by_recipient RENAME TO mails_by_recipient;
ALTER INDEX messages_by_status RENAME TO mails_by_status;
ALTER INDEX messages_by_age RENAME TO mails_by_age;
CREATE INDEX mails_kept ON mails (give_up_at) WHERE content_sealed IS NOT NULL OR status IN ('queued', 'held', 'unknown');
