-- The owner hears of a login on a device that the account does not know, unless they have turned that off.
alter table all_users add column login_notices boolean not null default true;
-- When a first device became known. Accounts from before hear of the first such login nothing: it may be on any of their own.
alter table all_users add column devices_known_since timestamptz;

create or replace view users as
  select id, name, email, email_verified, image, password_hash, sign_up_form, created_at, updated_at, password_version,
    onboarded_at, devices_version, login_notices, devices_known_since
  from all_users where delete_at is null;

alter table email_tokens drop constraint email_tokens_purpose_check;
alter table email_tokens add constraint email_tokens_purpose_check check (purpose in
  ('verify-email', 'change-email', 'reset-password', 'new-device', 'undo-deletion', 'not-me', 'undo-email-change'));

-- The links of notices: each stays good beside newer ones, and whatever the password is, since somebody else may have
-- changed it. One that undoes a change was mailed to the address of before.
create or replace view current_links as
  select t.token_hash from email_tokens t join users u on u.id = t.user_id
  where (t.purpose in ('change-email', 'undo-email-change') or t.email = u.email)
    and (t.purpose in ('verify-email', 'not-me', 'undo-email-change') or t.password_version = u.password_version)
    and (t.purpose in ('not-me', 'undo-email-change') or not exists (
      select 1 from email_tokens newer
      where newer.user_id = t.user_id and newer.purpose = t.purpose and newer.id > t.id
    ));
