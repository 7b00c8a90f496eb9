-- The variables of a mail are kept until it is delivered or given up, and may hold links that let people in: new rows have them sealed.
SET LOCAL sevenleague.tenant = '*';

-- AES-256-GCM under MAIL_ENCRYPTION_KEY, bound to the row's id. Rows of the version before have `variables` instead; both are read, and each is
-- forgotten by the end of its mail, seven days at most. A later migration drops `variables`, `opener` and the trigger.
ALTER TABLE messages ADD COLUMN variables_sealed bytea;

DROP INDEX messages_kept;
CREATE INDEX messages_kept ON messages (give_up_at)
    WHERE variables IS NOT NULL OR variables_sealed IS NOT NULL OR status IN ('queued', 'held', 'unknown');

-- The claim of a process that can open what is sealed. Processes of the version before would find no variables and end the mail as failed:
-- their claim of a sealed row changes nothing, and they look again in a second. What they queue themselves they send as ever; of a sealed mail
-- they only hear how it fared, which leaves its content until it would be given up, and they answer its resending with 409 `content_gone`.
ALTER TABLE messages ADD COLUMN opener uuid;
CREATE FUNCTION pass_by() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER sealed_for_openers BEFORE UPDATE OF status ON messages FOR EACH ROW
    WHEN (OLD.status IN ('queued', 'held') AND NEW.status = 'sending' AND NEW.variables_sealed IS NOT NULL AND NEW.opener IS NOT DISTINCT FROM OLD.opener)
    EXECUTE FUNCTION pass_by();
