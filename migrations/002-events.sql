-- Events as accepted, and everything that the join derives from them. Tables below `pending` could be made again from
-- `events`. Moments are bigint milliseconds. Ids and other keys compare by bytes (collation "C"), as in 001.
-- JSON is read whole and seldom looked into: `json` keeps it as text, which is quicker to write than `jsonb`.

-- The ledger: an id is accepted once. `digest` tells a repeated event from another one under the same id.
create table events (
  event_id text collate "C" primary key,
  digest bigint not null,
  type text not null,
  source text collate "C" not null,
  occurred_at_ms bigint not null,
  received_at_ms bigint not null,
  body json not null
);

-- Accepted and not yet joined, in the order in which the join takes them: time, kind of event, id.
create table pending (
  source text collate "C" not null,
  occurred_at_ms bigint not null,
  rank smallint not null,
  event_id text collate "C" not null,
  primary key (source, occurred_at_ms, rank, event_id)
);

-- A source has a clock of its own: nothing of it is later than `watermark_ms`; all of it up to `joined_to_ms` is joined.
create table sources (
  name text collate "C" primary key,
  watermark_ms bigint not null,
  joined_to_ms bigint not null default 0,
  late bigint not null default 0
);

create table dead_letters (
  id bigint generated always as identity primary key,
  -- Where it could be read and is text that a column can hold.
  event_id text collate "C",
  -- Bytes, since neither text nor json holds every payload.
  payload bytea not null,
  code text not null,
  path text not null,
  message text not null,
  source text collate "C" not null,
  received_at_ms bigint not null
);
create index dead_letters_by_event on dead_letters (event_id);

-- What was known of an item or a user from `occurred_at_ms` on.
create table catalog_versions (
  version bigint generated always as identity primary key,
  kind text collate "C" not null,
  id text collate "C" not null,
  occurred_at_ms bigint not null,
  features json not null,
  deleted boolean not null
);
create index catalog_versions_by_id on catalog_versions (kind, id, occurred_at_ms, version);

create table slates (
  slate_id text collate "C" primary key,
  source text collate "C" not null,
  ranker text collate "C" not null,
  definition_hash text,
  model_version text collate "C",
  user_id text collate "C" not null,
  occurred_at_ms bigint not null,
  context json not null,
  -- Features as of this slate: those sent with it, references into the catalogue, counts strictly before it.
  user_features json not null,
  user_version bigint,
  user_tally json,
  history_end bigint not null,
  items json not null
);

-- One row an item shown; feedback as it joined.
create table examples (
  slate_id text collate "C" not null,
  item_id text collate "C" not null,
  ranker text collate "C" not null,
  position integer not null,
  occurred_at_ms bigint not null,
  feedback json not null,
  primary key (slate_id, item_id)
);
create index examples_in_time on examples (ranker, occurred_at_ms, slate_id, position);

create table tallies (
  scope text collate "C" not null,
  key text collate "C" not null,
  tally json not null,
  primary key (scope, key)
);

create table history (
  user_id text collate "C" not null,
  -- 1, 2, ... for each user, in the order of the join.
  sequence bigint not null,
  item_id text collate "C" not null,
  item_version bigint,
  kind text not null,
  occurred_at_ms bigint not null,
  primary key (user_id, sequence)
);

-- Impressions and feedback whose slate has not come, and feedback on what was not shown so far.
create table orphans (
  slate_id text collate "C" not null,
  event_id text collate "C" not null,
  primary key (slate_id, event_id)
);

-- No query is planned by what is inside these, and looking at them is most of what ANALYZE costs.
alter table events alter column body set statistics 0;
alter table slates alter column context set statistics 0, alter column user_features set statistics 0,
  alter column user_tally set statistics 0, alter column items set statistics 0;
alter table examples alter column feedback set statistics 0;
alter table tallies alter column tally set statistics 0;
alter table catalog_versions alter column features set statistics 0;
