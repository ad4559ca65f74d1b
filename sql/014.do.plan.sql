-- What a learner wants of the plan. It has no row until they say something.
create table plans (
  user_id text primary key references all_users (id) on delete cascade,
  -- Null where the learner did not say. 10 stands for 10 or more.
  weekly_hours integer check (weekly_hours in (2, 4, 6, 10)),
  -- SHA-256: the table gives nobody the address of a calendar.
  calendar_hash text unique,
  calendar_since timestamptz
);

alter table progress
  -- When the lesson was first marked; null for marks that are older than this column.
  add column began_at timestamptz,
  -- Of a lesson that was marked as known together with others: the mark that stood here before, `{}` for none.
  add column replaced jsonb;
