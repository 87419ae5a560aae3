-- Mail on its way out. The text of a delivered mail is forgotten, its hash stays: it may carry a customer's secret link.
create table mail_out (
  mail_id integer generated always as identity primary key,
  recipient text not null,
  subject text not null,
  body text,
  attachments jsonb not null default '[]',
  body_sha256 text not null,
  about text not null,
  message_id text not null unique,
  state text not null default 'waiting' check (state in ('waiting', 'sent', 'failed')),
  tries integer not null default 0,
  queued_at timestamptz not null,
  next_try_at timestamptz not null,
  settled_at timestamptz,
  last_error text
);
create index mail_out_due on mail_out (next_try_at) where state = 'waiting';
