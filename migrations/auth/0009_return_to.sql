-- Where a person goes on to after the link of a mail: an address of a frontend, checked when it was named. Null leads
-- nowhere.
ALTER TABLE registrations ADD COLUMN return_to text;
ALTER TABLE invitations ADD COLUMN return_to text;
