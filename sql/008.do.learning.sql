-- When the learner first came to the end of the questions: known with the user, so nobody has to look it up.
alter table users add column onboarded_at timestamptz;

create table profiles (
  user_id text primary key references users (id) on delete cascade,
  -- The codes of the questionnaire; null and empty are "not answered".
  software_experience text,
  programming_languages text[] not null default '{}',
  skill_level text,
  hardware_access text[] not null default '{}',
  primary_focus text,
  project_goals text[] not null default '{}',
  project_goals_text text,
  -- What was answered on the way and is not saved yet, by question; null where one was skipped.
  draft jsonb,
  began_at timestamptz not null,
  -- Null until the learner has come to the end of the questions.
  saved_at timestamptz
);

create table progress (
  user_id text not null references users (id) on delete cascade,
  lesson_id text not null,
  state text not null check (state in ('started', 'done', 'known', 'dismissed')),
  -- The state that an undo goes back to.
  before text check (before in ('started', 'done', 'known', 'dismissed')),
  updated_at timestamptz not null,
  primary key (user_id, lesson_id)
);
