-- What a login by a code of a mail was asked for with: where it leads, and a form that waits for its learner, sealed. The link in
-- the mail, and another code that is asked for in the same browser, know of it from here.
alter table mailed_codes add column next text, add column kept text;
