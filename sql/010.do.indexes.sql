-- Mails are claimed in small batches, and each claim also looks for those that are over. Without an index, a backlog of
-- mails would be read as a whole for every batch of it.
create index outbox_expires_at on outbox (expires_at);
-- The mails that /health/ready counts: few, among many that wait for their first try.
create index outbox_late on outbox (attempts) where attempts > 1;
