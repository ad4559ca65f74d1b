-- Since when a mail waits, by the clock of the database, so that the metrics can say how old the oldest one is.
alter table outbox add column queued_at timestamptz not null default now();
