-- A role that reads these columns of the learners and nothing else. Run it as the owner of the tables.
create role matricula_reader login connection limit 20;
alter role matricula_reader set default_transaction_read_only = on;
alter role matricula_reader set statement_timeout = '5s';
grant usage on schema public to matricula_reader;
grant select (id, name, email, email_verified, image, created_at, updated_at) on users to matricula_reader;
grant select (user_id, software_experience, programming_languages, skill_level, hardware_access, primary_focus,
  project_goals, project_goals_text, saved_at) on profiles to matricula_reader;
