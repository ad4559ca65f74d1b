-- A link that puts the address of before back also finds an account that somebody has deleted meanwhile: whoever gets into an
-- account must not be able to keep its owner out by changing the address and leaving.
create or replace view current_links as
  select t.token_hash from email_tokens t join all_users u on u.id = t.user_id
  where (u.delete_at is null or t.purpose = 'undo-email-change')
    and (t.purpose in ('change-email', 'undo-email-change') or t.email = u.email)
    and (t.purpose in ('verify-email', 'not-me', 'undo-email-change') or t.password_version = u.password_version)
    and (t.purpose in ('not-me', 'undo-email-change') or not exists (
      select 1 from email_tokens newer
      where newer.user_id = t.user_id and newer.purpose = t.purpose and newer.id > t.id
    ))
    -- The address of before is back: what was mailed after its notice, to an address of the other, is worthless.
    and (t.purpose <> 'undo-email-change' or not exists (
      select 1 from email_tokens earlier
      where earlier.user_id = t.user_id and earlier.purpose = t.purpose and earlier.id < t.id
        and earlier.used_at >= t.created_at
    ));
