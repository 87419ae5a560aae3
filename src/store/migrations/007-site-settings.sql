-- What owners set: one whole document a revision. `site.revision` is the one in force; history is never rewritten.
create table site_revision (
  site_id text not null references site (site_id),
  revision integer not null check (revision >= 1),
  settings jsonb not null,
  -- Against the revision before, for people to read: long values are cut.
  changes jsonb not null default '[]',
  -- The person's name as it was then; the id is null for the operator at the machine's own command line.
  changed_by text not null,
  changed_by_user text,
  changed_at timestamptz not null,
  note text not null,
  primary key (site_id, revision)
);

alter table site add column revision integer not null default 0;

insert into site_revision (site_id, revision, settings, changed_by, changed_at, note)
select site_id, 1,
       jsonb_build_object(
         'origin', jsonb_build_object(
           'scheme', origin_scheme,
           'servers', jsonb_build_array(jsonb_build_object(
             'host', origin_host, 'port', origin_port, 'weight', 1, 'backup', false)),
           'hostHeader', host_header,
           'tls', jsonb_build_object('verify', 'strict', 'name', null, 'clientCertificateId', null),
           'health', null,
           'connectSeconds', 5,
           'readSeconds', 60,
           'signed', false),
         'tls', jsonb_build_object(
           'redirectToHttps', false, 'hstsSeconds', 0, 'hstsSubdomains', false, 'hstsPreload', false),
         'limit', case when limit_rps is null then 'null'::jsonb
                       else jsonb_build_object('requestsPerSecond', limit_rps, 'burst', coalesce(limit_burst, limit_rps)) end,
         'bodyBytesMax', body_bytes_max,
         'cache', jsonb_build_object(
           'mode', 'static', 'rules', '[]'::jsonb, 'bypassCookies', '[]'::jsonb, 'bypassHeaders', '[]'::jsonb,
           'ignoreQuery', '[]'::jsonb, 'sortQuery', false,
           'staleWhileRevalidateSeconds', 60, 'staleIfErrorSeconds', 86400),
         'rules', jsonb_build_object(
           'access', '[]'::jsonb, 'redirects', '[]'::jsonb, 'headers', '[]'::jsonb,
           'maintenance', jsonb_build_object(
             'on', false, 'messageEn', '', 'messageFr', '', 'allowNetworks', '[]'::jsonb, 'retryAfterSeconds', 600),
           'errorPages', '[]'::jsonb,
           'robots', jsonb_build_object('mode', 'origin', 'text', '', 'aiCrawlers', 'origin'))),
       'operator', created_at, 'As it was set before settings had a history'
  from site;

update site set revision = 1;

alter table site
  drop column origin_scheme, drop column origin_host, drop column origin_port, drop column host_header,
  drop column limit_rps, drop column limit_burst, drop column body_bytes_max;

-- The key of a site's signature on requests to its origin: 32 bytes, base64url. Made once, and in no history or export of settings.
create table site_signing_key (
  site_id text primary key references site (site_id),
  signing_key text not null,
  made_at timestamptz not null
);
