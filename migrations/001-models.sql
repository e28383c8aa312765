-- Rankers, their versions and what serves; jobs. Moments are bigint milliseconds since 1970, in columns named *_at_ms:
-- exact, the same in every client and zone, and comparable with event time as code has it. Keys compare by bytes
-- (collation "C"): the same order in every database, and indexes that outlive a change of the system's locales.

create table rankers (
  name text collate "C" not null,
  definition_hash text collate "C" not null,
  definition jsonb not null,
  first_seen_at_ms bigint not null,
  primary key (name, definition_hash)
);

create table model_versions (
  version text collate "C" primary key,
  ranker text collate "C" not null,
  definition_hash text collate "C" not null,
  parent text collate "C",
  metrics jsonb not null,
  trained_from_ms bigint not null,
  trained_to_ms bigint not null,
  examples bigint not null,
  -- When its training began to read: what came later it has not seen.
  read_at_ms bigint not null,
  -- [{"name", "sha256", "sizeBytes"}]; the bytes are in the blob store.
  files jsonb not null,
  created_at_ms bigint not null,
  foreign key (ranker, definition_hash) references rankers (name, definition_hash)
);
create index model_versions_by_ranker on model_versions (ranker, created_at_ms);

-- Append only: the newest row of a ranker says what serves; a rollback is another row.
create table activations (
  sequence bigint generated always as identity primary key,
  ranker text collate "C" not null,
  version text collate "C" not null references model_versions (version),
  reason text not null,
  activated_at_ms bigint not null
);
create index activations_by_ranker on activations (ranker, sequence);

create table jobs (
  id text collate "C" primary key,
  kind text collate "C" not null,
  payload jsonb not null,
  -- The same key twice is one job.
  idempotency_key text collate "C",
  state text not null check (state in ('queued', 'running', 'completed', 'failed', 'cancelled')),
  attempts integer not null default 0,
  max_attempts integer not null,
  progress jsonb,
  result jsonb,
  fault_code text,
  fault_message text,
  worker text,
  lease_until_ms bigint,
  created_at_ms bigint not null,
  started_at_ms bigint,
  ended_at_ms bigint,
  unique (kind, idempotency_key)
);
create index jobs_waiting on jobs (created_at_ms, id) where state in ('queued', 'running');
