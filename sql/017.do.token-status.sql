-- The place of each session in the status lists, by which verifiers see that it has ended (draft-ietf-oauth-status-list). A
-- row stands here from the login until 20 minutes after the end, when the last token of the session is over: so a place is
-- taken by one session only.
create table token_status (
  -- The number of the list times a million, plus the place in that list.
  status_index integer primary key,
  -- By the clock of the database, as is the time when the row goes.
  ended_at timestamptz
);

create index token_status_ended_at on token_status (ended_at) where ended_at is not null;

-- Takes a place at random, so that it tells nothing of who or when. The more of a list is taken, the sooner eight tries meet
-- only taken places; then the next list is tried. Two logins that draw the same place at once do not fail: one draws again.
create function take_status_index() returns integer language plpgsql as $$
declare
  taken integer;
begin
  for list in 0..99 loop
    for tries in 1..8 loop
      insert into token_status (status_index)
        values (list * 1000000 + ('x' || left(gen_random_uuid()::text, 8))::bit(32)::bigint % 1000000)
        on conflict do nothing
        returning status_index into taken;
      if found then
        return taken;
      end if;
    end loop;
  end loop;
  raise exception 'no place in the status lists is free';
end $$;

-- The default serves sessions that are open already, and those that an older version of the program still makes.
alter table sessions add column status_index integer not null default take_status_index();

create function end_token_status() returns trigger language plpgsql as $$
begin
  insert into token_status (status_index, ended_at) values (old.status_index, now())
    on conflict (status_index) do update set ended_at = excluded.ended_at;
  return null;
end $$;

-- A trigger, so that no statement that ends sessions can forget it: logout, devices, passwords, deletion, pruning.
create trigger session_ended after delete on sessions for each row execute function end_token_status();
