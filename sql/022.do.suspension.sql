-- An account that an operator has suspended: nobody can use it, and what is in it stays.
alter table all_users
  add column suspended_at timestamptz,
  -- Why, for operators only.
  add column suspended_reason text;

create or replace view users as
  select id, name, email, email_verified, image, password_hash, sign_up_form, created_at, updated_at, password_version,
    onboarded_at, devices_version, login_notices, devices_known_since, suspended_at
  from all_users where delete_at is null;

create function end_sessions_of_suspended() returns trigger language plpgsql as $$
begin
  delete from sessions where user_id = new.id;
  return null;
end $$;

-- A trigger, since its look at sessions begins when the row of the user is locked: a login that was being made is committed
-- by then and ends too, and a later one waits for the lock and then sees the suspension.
create trigger user_suspended after update of suspended_at on all_users
  for each row when (new.suspended_at is not null) execute function end_sessions_of_suspended();
