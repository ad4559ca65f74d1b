-- What is newest is decided by time, and by id only where the time is the same. Identity columns give no order by
-- themselves: a connection may take many numbers at once and use them up over hours (`cache`, which some databases set).
-- A link is made later than every earlier one that its statement sees, whatever clock its maker goes by; so only links
-- that were asked for at the same moment can share a time.
create or replace view current_links as
  select t.token_hash from email_tokens t join all_users u on u.id = t.user_id
  where (u.delete_at is null or t.purpose = 'undo-email-change')
    and (t.purpose in ('change-email', 'undo-email-change') or t.email = u.email)
    and (t.purpose in ('verify-email', 'not-me', 'undo-email-change') or t.password_version = u.password_version)
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

-- Of one person's entries, the latest are read first.
drop index activity_user_id;
create index activity_user_id on activity (user_id, at, id);
