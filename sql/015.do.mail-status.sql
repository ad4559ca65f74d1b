-- What became of a mail that has left the outbox, for the learner who waits for it. It says neither who it was to nor what it
-- was about, and is kept for a few days.
create table mail_outcomes (
  -- That of its row in the outbox.
  id text primary key,
  outcome text not null,
  at timestamptz not null
);

create index mail_outcomes_at on mail_outcomes (at);

-- The mail that carries the link. Null for links whose mail nobody is told about.
alter table email_tokens add column mail_id text;
