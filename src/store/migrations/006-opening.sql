-- The opening of a sealed identity: one officer asks with a ground and a purpose, another approves (design law 1). The checks
-- hold both people, and that nothing is handed out which the log was not asked to hold, whatever the program above does.
create table identity_opening (
  opening_id text primary key,
  case_id text not null references desk_case (case_id),
  report_id text not null references report (report_id),
  ground text not null check (ground in ('danger-to-reporter', 'lawful-order', 'reporter-asked')),
  purpose text not null check (length(purpose) between 20 and 2000),
  state text not null check (state in ('requested', 'approved', 'refused', 'withdrawn', 'closed')),
  author_id text not null,
  author_name text not null,
  made_at timestamptz not null,
  second_id text,
  second_name text,
  second_reason text,
  settled_at timestamptz,
  closes_at timestamptz,
  intent_id integer unique references desk_log (intent_id),
  handed_out integer not null default 0,
  first_handed_out_at timestamptz,
  constraint opening_two_humans check (second_id <> author_id),
  check ((second_id is null) = (state in ('requested', 'withdrawn'))),
  check ((second_id is null) = (second_reason is null) and (second_id is null) = (second_name is null)),
  check ((settled_at is null) = (state = 'requested')),
  check ((intent_id is null) = (state in ('requested', 'refused', 'withdrawn'))),
  check ((intent_id is null) = (closes_at is null)),
  check (handed_out = 0 or intent_id is not null),
  check ((handed_out = 0) = (first_handed_out_at is null))
);
create index identity_opening_case on identity_opening (case_id, made_at);
-- One standing way at a time to each identity.
create unique index identity_opening_standing on identity_opening (report_id) where state in ('requested', 'approved');
