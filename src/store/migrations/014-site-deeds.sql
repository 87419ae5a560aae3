-- Who did what with a site beside its settings, which have revisions of their own. Written before the deed, and marked when it is done: a row
-- that stays unmarked tells of a deed that was begun and may have been cut off.
create table site_deed (
  deed_id bigint generated always as identity primary key,
  site_id text not null references site (site_id),
  at timestamptz not null,
  who_id text not null,
  who_name text not null,
  deed text not null,
  -- The name, the member, the certificate's names: what it was done to.
  about text not null,
  is_done boolean not null default false
);
create index site_deed_by_site on site_deed (site_id, deed_id desc);
