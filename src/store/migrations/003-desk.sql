-- The abuse desk. No column of this file holds a reporter's identity in the clear: `report.sealed` is ciphertext to a key
-- that the server does not hold (design law 1). Law 2 is held by the checks of `decision`, whatever the program above does.

-- The vault's public key: set once, never replaced in silence.
create table vault_key (
  slot integer primary key default 1 check (slot = 1),
  public_key text not null check (public_key ~ '^[0-9a-f]{64}$'),
  fingerprint text not null,
  set_at timestamptz not null
);

-- Made at the first use: the salt of the report codes' lookup keys.
create table desk_secret (
  name text primary key,
  value text not null
);

create table case_counter (
  year integer primary key,
  last integer not null
);

create table desk_case (
  case_id text primary key,
  number text not null unique,
  -- 32 random hex digits: all that the public log tells of which entries belong together.
  tag text not null unique,
  log_entries integer not null default 0,
  site_id text not null references site (site_id),
  state text not null check (state in ('new', 'in_review', 'decided', 'closed')),
  harm text not null,
  -- What makes two reports the same case: site, address without its tracking parts, family of harms.
  gather_key text not null,
  hostname text not null,
  path text not null,
  level text not null,
  level_confirmed boolean not null default false,
  danger jsonb not null,
  brigade boolean not null default false,
  opened_at timestamptz not null,
  level_since timestamptz not null,
  decision_due_at timestamptz not null,
  -- When a brake was last pulled: nothing older than this counts as new evidence for another.
  brake_spent_at timestamptz,
  evidence_at timestamptz
);
create unique index desk_case_gather on desk_case (gather_key) where state <> 'closed';
create index desk_case_state on desk_case (state, decision_due_at);

create table report (
  report_id text primary key,
  case_id text not null references desk_case (case_id),
  received_at timestamptz not null,
  channel text not null check (channel in ('form', 'mail', 'api')),
  harm text not null,
  url text not null,
  statement text not null,
  quoted text not null,
  language text not null,
  -- Of statement and quoted, as stored here.
  parts_sha256 text not null,
  -- Of 32 blinding bytes and the original: with an identity the bytes lie inside the seal, so the digest tells nothing.
  original_sha256 text not null,
  original_type text not null,
  original bytea,
  original_blind text,
  sealed bytea,
  sealed_to text,
  code_hash text not null unique,
  simhash text not null,
  words integer not null,
  cluster integer not null,
  copy_of text references report (report_id),
  check ((sealed is null) <> (original is null)),
  check ((sealed is null) = (sealed_to is null)),
  check ((original is null) = (original_blind is null))
);
create index report_case on report (case_id, received_at);

create table report_message (
  message_id bigint generated always as identity primary key,
  report_id text not null references report (report_id),
  at timestamptz not null,
  sender text not null check (sender in ('desk', 'reporter')),
  text text not null
);
create index report_message_report on report_message (report_id, message_id);

create table evidence (
  evidence_id text primary key,
  case_id text not null references desk_case (case_id),
  url text not null,
  captured_at timestamptz not null,
  captured_by text not null,
  status integer not null,
  content_type text not null,
  bytes integer not null,
  sha256 text not null,
  body bytea not null,
  lines jsonb not null
);
create index evidence_case on evidence (case_id, captured_at);

create table assessment (
  assessment_id bigint generated always as identity primary key,
  case_id text not null references desk_case (case_id),
  made_at timestamptz not null,
  -- null: the detector
  made_by text,
  level text not null,
  reason text not null,
  assessment jsonb not null
);
create index assessment_case on assessment (case_id, assessment_id);

create table decision (
  decision_id text primary key,
  case_id text not null references desk_case (case_id),
  kind text not null check (kind in ('measure', 'brake', 'refusal', 'lift')),
  state text not null
    check (state in ('proposed', 'braked', 'confirmed', 'rejected', 'withdrawn', 'released', 'lapsed')),
  level text not null,
  proposal jsonb,
  lifts_measure_id text,
  clause text,
  facts text not null,
  reason_wider text,
  author_id text not null,
  author_name text not null,
  author_reason text not null,
  second_id text,
  second_name text,
  second_reason text,
  made_at timestamptz not null,
  settled_at timestamptz,
  lapses_at timestamptz,
  -- When the reporters were told of a refusal.
  told_at timestamptz,
  -- Two humans (design law 2): nothing is confirmed without a second one, and the second is never the first.
  constraint two_humans check (state <> 'confirmed' or (second_id is not null and second_id <> author_id)),
  constraint rejected_by_another check (state <> 'rejected' or (second_id is not null and second_id <> author_id)),
  -- One officer alone stands behind nothing but a brake, and a brake has an end.
  constraint braked_is_brake check (state <> 'braked' or (kind = 'brake' and lapses_at is not null)),
  constraint brake_is_never_proposed check (kind <> 'brake' or state <> 'proposed'),
  constraint settled_has_time check (state in ('proposed', 'braked') or settled_at is not null)
);
create index decision_case on decision (case_id, made_at);
create index decision_open on decision (state) where state in ('proposed', 'braked');
-- Two officers cannot have two lifts of one measure open at once.
create unique index decision_one_lift on decision (lifts_measure_id) where state = 'proposed';

create table measure (
  measure_id text primary key,
  case_id text not null references desk_case (case_id),
  decision_id text not null references decision (decision_id),
  site_id text not null references site (site_id),
  kind text not null,
  scope text not null,
  state text not null check (state in ('pending', 'sent', 'in_force', 'lifting', 'ended')),
  ended_because text check (ended_because in ('lifted', 'expired', 'lapsed', 'released', 'appeal')),
  ends_at timestamptz,
  review_at timestamptz,
  review_told_at timestamptz,
  created_at timestamptz not null,
  sent_at timestamptz,
  in_force_at timestamptz,
  in_force_ms integer,
  late_told_at timestamptz,
  -- When the look of a wholly withheld site was kept, so that its return is recognised.
  look_at timestamptz,
  told_at timestamptz,
  lifting_at timestamptz,
  ended_at timestamptz,
  lift_ms integer,
  end_told_at timestamptz,
  check ((state in ('lifting', 'ended')) = (ended_because is not null))
);
create index measure_standing on measure (site_id) where state in ('sent', 'in_force');
create index measure_unfinished on measure (state) where state <> 'ended';
create index measure_case on measure (case_id);

-- What a measure says, and the proof that the log holds it. A brake is revision 1; ratified, it becomes revision 2. A
-- revision without a receipt is not enforced (design law 3): the newest one with a receipt is.
create table measure_revision (
  measure_id text not null references measure (measure_id),
  revision integer not null check (revision >= 1),
  record text not null,
  salt text not null check (salt ~ '^[0-9a-f]{64}$'),
  intent_id integer not null unique,
  entry bytea,
  proof text,
  primary key (measure_id, revision),
  check ((entry is null) = (proof is null))
);

-- The policy versions that carry a measure to the edges, and that carry it away. One row a site: an account has several.
create table measure_site (
  measure_id text not null references measure (measure_id),
  site_id text not null references site (site_id),
  version integer not null,
  lift_version integer,
  primary key (measure_id, site_id)
);

-- Every entry that the desk asked the log for, with the payloads behind its three commitments and their blindings. To erase
-- an opening, its payload and salt are deleted: the entry stays verifiable and can never be opened again.
create table desk_log (
  intent_id integer primary key,
  case_id text not null references desk_case (case_id),
  seq integer not null,
  kind text not null,
  decision_id text references decision (decision_id),
  measure_id text references measure (measure_id),
  appeal_id text,
  referral_id text,
  public_payload text,
  public_salt text,
  party_payload text,
  party_salt text,
  court_payload text,
  court_salt text,
  made_at timestamptz not null,
  log_index integer unique,
  unique (case_id, seq)
);
create index desk_log_waiting on desk_log (intent_id) where log_index is null;

-- The customer's way to the statement of reasons. Only the hash of the token is kept.
create table statement_token (
  token_hash text primary key,
  decision_id text not null references decision (decision_id),
  site_id text not null references site (site_id),
  made_at timestamptz not null,
  appeal_until timestamptz not null
);
create index statement_token_decision on statement_token (decision_id);

create table appeal (
  appeal_id text primary key,
  case_id text not null references desk_case (case_id),
  decision_id text not null references decision (decision_id),
  by text not null check (by in ('customer', 'reporter')),
  report_id text references report (report_id),
  text text not null,
  state text not null check (state in ('open', 'granted', 'refused')),
  made_at timestamptz not null,
  decided_at timestamptz,
  decided_by text,
  decided_by_name text,
  reason text,
  told_at timestamptz,
  check ((by = 'reporter') = (report_id is not null)),
  check ((state = 'open') = (decided_by is null))
);
-- One appeal for each party and decision.
create unique index appeal_of_customer on appeal (decision_id) where by = 'customer';
create unique index appeal_of_reporter on appeal (decision_id, report_id) where by = 'reporter';

create table referral (
  referral_id text primary key,
  case_id text not null references desk_case (case_id),
  kind text not null,
  recipient text not null,
  note text not null,
  state text not null check (state in ('queued', 'sent', 'acknowledged', 'failed')),
  mail_id integer,
  made_by text not null,
  made_at timestamptz not null,
  delivered_at timestamptz,
  alarmed_at timestamptz
);
create index referral_case on referral (case_id);
create index referral_queued on referral (state) where state = 'queued';

-- Who did what, in order, for the case's timeline. Never what a reporter said of themselves.
create table desk_audit (
  audit_id bigint generated always as identity primary key,
  case_id text references desk_case (case_id),
  at timestamptz not null,
  who_id text,
  who_name text,
  what text not null
);
create index desk_audit_case on desk_audit (case_id, audit_id);

-- Who is too near to decide: the members of a customer's account, and who declared a conflict in one case.
create table account_member (
  account_id text not null references account (account_id),
  user_id text not null,
  primary key (account_id, user_id)
);
create table case_conflict (
  case_id text not null references desk_case (case_id),
  user_id text not null,
  reason text not null,
  declared_at timestamptz not null,
  primary key (case_id, user_id)
);
