-- The link of the notice that a second step is on, which can switch it off again. Only the newest counts: it belongs to the
-- newest switch-on. The password may be another by then, since whoever switched it on may have changed that too.
alter table email_tokens drop constraint email_tokens_purpose_check;
alter table email_tokens add constraint email_tokens_purpose_check check (purpose in
  ('verify-email', 'change-email', 'reset-password', 'new-device', 'undo-deletion', 'not-me', 'undo-email-change',
    'undo-second-step'));

create or replace view current_links as
  select t.token_hash from email_tokens t join all_users u on u.id = t.user_id
  where (u.delete_at is null or t.purpose = 'undo-email-change')
    and (t.purpose in ('change-email', 'undo-email-change') or t.email = u.email)
    and (t.purpose in ('verify-email', 'not-me', 'undo-email-change', 'undo-second-step')
      or t.password_version = u.password_version)
    and (t.purpose in ('not-me', 'undo-email-change') or not exists (
      select 1 from email_tokens newer
      where newer.user_id = t.user_id and newer.purpose = t.purpose
        and (newer.created_at, newer.id) > (t.created_at, t.id)
    ))
    -- The address of before is back: what was mailed after its notice, to an address of the other, is worthless.
    and (t.purpose <> 'undo-email-change' or not exists (
      select 1 from email_tokens earlier
      where earlier.user_id = t.user_id and earlier.purpose = t.purpose
        and (earlier.created_at, earlier.id) < (t.created_at, t.id) and earlier.used_at >= t.created_at
    ));
