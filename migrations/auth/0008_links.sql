-- How often are links mailed to an address, what limits that, and who has said that they want none?

-- Mails with links, by address: how many there were lately decides whether the next one goes at once.
CREATE TABLE link_mails (
    id uuid PRIMARY KEY,
    email text NOT NULL CONSTRAINT link_mails_email_lower CHECK (email = lower(email)),
    kind text NOT NULL CONSTRAINT link_mails_kind CHECK (kind IN ('verification', 'invitation')),
    sent_at timestamptz NOT NULL
);

CREATE INDEX link_mails_of_address ON link_mails (email, kind, sent_at DESC);
CREATE INDEX link_mails_age ON link_mails (sent_at);

ALTER TABLE registrations
    -- The network that it was asked from: where an address has too many, those of one network give way to each other first.
    ADD COLUMN source text NOT NULL DEFAULT '',
    -- Passwords tried at its link.
    ADD COLUMN attempts smallint NOT NULL DEFAULT 0,
    -- The address has had many mails; until this one's turn comes nobody has the link.
    ADD COLUMN mail_waits boolean NOT NULL DEFAULT false;

CREATE INDEX registrations_waiting ON registrations (email) WHERE mail_waits;

ALTER TABLE invitations
    -- When a mail was last asked for, the first one included.
    ADD COLUMN asked_at timestamptz NOT NULL DEFAULT now(),
    -- How often a mail was asked for.
    ADD COLUMN mails smallint NOT NULL DEFAULT 1,
    ADD COLUMN mail_waits boolean NOT NULL DEFAULT false,
    -- Withdrawn by the tenant, or refused by the address.
    ADD COLUMN ended_at timestamptz;

CREATE INDEX invitations_asked ON invitations (tenant_id, asked_at DESC);
CREATE INDEX invitations_of_tenant ON invitations (tenant_id, id) WHERE used_at IS NULL AND ended_at IS NULL;
CREATE INDEX invitations_waiting ON invitations (email) WHERE mail_waits;

-- Addresses that want no more invitations: of this tenant, or of nobody where it is null.
CREATE TABLE invitation_refusals (
    id uuid PRIMARY KEY,
    tenant_id uuid REFERENCES tenants (id),
    email text NOT NULL CONSTRAINT invitation_refusals_email_lower CHECK (email = lower(email)),
    refused_at timestamptz NOT NULL,
    CONSTRAINT invitation_refusals_once UNIQUE NULLS NOT DISTINCT (email, tenant_id)
);

CALL tenant_wall('invitation_refusals');
-- Whoever invites must learn of it.
CREATE POLICY of_everybody ON invitation_refusals FOR SELECT USING (tenant_id IS NULL);
