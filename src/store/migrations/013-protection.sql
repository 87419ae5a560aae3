-- Floods: bans, incidents, and who hears of them.

-- Settings that were kept before protection was part of them start with its defaults; what a revision says of changes stays as it was.
update site_revision
   set settings = settings || jsonb_build_object('protection', jsonb_build_object(
         'floods', 'act',
         'underAttack', jsonb_build_object('on', false, 'paths', '[]'::jsonb, 'endsAt', null),
         'allowNetworks', '[]'::jsonb,
         'neverChallenge', '[]'::jsonb,
         'rules', '[]'::jsonb))
 where not settings ? 'protection';

-- Clients that are kept out, and those that were within the last 30 days.
create table ban (
  ban_id text primary key,
  -- null: on every site
  site_id text references site (site_id),
  kind text not null check (kind in ('address', 'network', 'asn', 'country')),
  value text not null,
  -- Of an address or network: what is searched by containment.
  range inet,
  reason text not null,
  made_by text not null,
  made_by_user text,
  -- The node that banned by itself; null for everywhere.
  node_id text,
  created_at timestamptz not null,
  ends_at timestamptz not null,
  lifted_at timestamptz,
  lifted_by text,
  -- The outbox: false until the bus has it.
  published boolean not null default false
);
create index ban_newest on ban (created_at desc, ban_id desc);
create index ban_site on ban (site_id, created_at desc, ban_id desc);
create index ban_unpublished on ban (ban_id) where not published;
create index ban_ends on ban (ends_at);

-- One flood (or surge, or slow attack) on one site, over all nodes; what nodes said of it is in incident_report.
create table incident (
  incident_id text primary key,
  site_id text not null references site (site_id),
  kind text not null check (kind in ('flood', 'surge', 'slow')),
  began_at timestamptz not null,
  mitigated_at timestamptz,
  ended_at timestamptz,
  -- All nodes' numbers in one (sites/incident-merge.ts).
  summary jsonb not null,
  -- What people were told: the kind that a notice of its beginning named, and whether its end is told.
  told_kind text check (told_kind in ('flood', 'surge', 'slow')),
  told text not null default 'no' check (told in ('no', 'held', 'began', 'done'))
);
create index incident_newest on incident (began_at desc, incident_id desc);
create index incident_site on incident (site_id, began_at desc, incident_id desc);
create index incident_active on incident (site_id) where ended_at is null;
create index incident_untold on incident (site_id) where told <> 'done';

create table incident_report (
  node_id text not null,
  -- As the node calls it.
  node_incident_id text not null,
  incident_id text not null references incident (incident_id) on delete cascade,
  report jsonb not null,
  told_at timestamptz not null,
  -- The node fell silent: it counts as ended when it last spoke.
  is_silent boolean not null default false,
  ended_at timestamptz,
  primary key (node_id, node_incident_id)
);
create index incident_report_incident on incident_report (incident_id);
create index incident_report_open on incident_report (told_at) where ended_at is null;

-- Who hears of floods. No row: the owners, by mail, not of surges.
create table flood_notice (
  site_id text primary key references site (site_id),
  surges boolean not null default false,
  webhook_url text,
  -- "whsec_" and base64, as receivers of Standard Webhooks take it.
  webhook_secret text,
  -- When the last pair of notices began: at most one in ten minutes.
  pair_began_at timestamptz
);
create table flood_mail (
  site_id text not null references site (site_id),
  user_id text not null references "user" ("id") on delete cascade,
  wants boolean not null,
  primary key (site_id, user_id)
);

-- The outbox of webhooks.
create table webhook_delivery (
  delivery_id text primary key,
  site_id text not null references site (site_id),
  event text not null,
  body text not null,
  state text not null default 'waiting' check (state in ('waiting', 'delivered', 'failed')),
  made_at timestamptz not null,
  tries integer not null default 0,
  last_try_at timestamptz,
  next_try_at timestamptz,
  status integer,
  why text
);
create index webhook_delivery_site on webhook_delivery (site_id, made_at desc, delivery_id desc);
create index webhook_delivery_due on webhook_delivery (next_try_at) where state = 'waiting';
