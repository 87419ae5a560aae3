-- What every node of the edge shares. One row: made once, at the first start, and published to the nodes.
create table edge_secret (
  id integer primary key default 1 check (id = 1),
  -- 32 bytes, base64url: session ticket keys are derived from it.
  ticket_secret text not null,
  created_at timestamptz not null default now()
);
