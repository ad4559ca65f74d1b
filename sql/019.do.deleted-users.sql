-- The ids of accounts that are deleted for good, for backends that keep data of their own. Gone after 90 days.
create table deleted_users (
  id text primary key,
  -- In milliseconds, as callers name it.
  deleted_at timestamptz(3) not null
);

create index deleted_users_deleted_at on deleted_users (deleted_at);

create function note_deleted_user() returns trigger language plpgsql as $$
begin
  insert into deleted_users (id, deleted_at) values (old.id, now()) on conflict (id) do nothing;
  return null;
end $$;

-- A trigger, so that no way to delete an account can forget it.
create trigger user_deleted after delete on all_users for each row execute function note_deleted_user();
