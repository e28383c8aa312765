/** What the release before `004-sources.sql` asks of the database, word for word: it may still run while the tables change. */
export interface Statement {
  readonly text: string
  readonly values: readonly unknown[]
}
const statement = (text: string, ...values: readonly unknown[]): Statement => ({ text, values })

/** One event in, with a letter beside it. */
const ingestion = (id: string): readonly Statement[] => [
  statement('insert into sources (name, watermark_ms) values ($1, 0) on conflict do nothing', 'rest'),
  statement(
    `with fresh as (
       insert into events (event_id, digest, type, source, occurred_at_ms, received_at_ms, body)
       select event_id, digest, type, $1, occurred_at_ms, $2, body
       from unnest($3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::jsonb[]) as event (event_id, digest, type, occurred_at_ms, body)
       order by event_id
       on conflict do nothing
       returning event_id, type, occurred_at_ms
     ), queued as (
       insert into pending (source, occurred_at_ms, rank, event_id)
       select $1, occurred_at_ms, case type when 'slate' then 1 when 'impression' then 2 when 'feedback' then 3 else 0 end, event_id
       from fresh
     )
     select event_id from fresh`,
    ...['rest', 5, [id], ['1'], ['feedback'], [5]],
    [JSON.stringify({ type: 'feedback', eventId: id, slateId: id, itemId: 'i', userId: 'u', kind: 'click' })],
  ),
  statement('select event_id, digest::text as digest from events where event_id = any($1::text[])', [id]),
  statement(
    `insert into dead_letters (event_id, payload, code, path, message, source, received_at_ms)
     select event_id, payload, code, path, message, $6, $7
     from unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::text[]) as letter (event_id, payload, code, path, message)`,
    ...[[id], [Buffer.from('x')], ['CODE'], ['/a'], ['m'], 'rest', 5],
  ),
  statement('update sources set watermark_ms = greatest(watermark_ms, $2) where name = $1', 'rest', 5),
]

/** One slate joined. */
const join = (id: string): readonly Statement[] => [
  statement('select pg_advisory_xact_lock($1)', 0x6a6f696e),
  statement(
    `select e.event_id as "eventId", e.occurred_at_ms as "occurredAtMs", e.body as event from (
       select * from pending where source = $1 and occurred_at_ms <= $2
       order by occurred_at_ms, rank, event_id limit $3
     ) p join events e using (event_id)
     order by p.occurred_at_ms, p.rank, p.event_id`,
    ...['rest', 9, 10],
  ),
  statement(
    `insert into catalog_versions (kind, id, occurred_at_ms, features, deleted)
     select kind, id, occurred_at_ms, features, deleted
     from unnest($1::text[], $2::text[], $3::bigint[], $4::jsonb[], $5::boolean[]) with ordinality
       as added (kind, id, occurred_at_ms, features, deleted, place)
     order by place returning version`,
    ...[['item'], [id], [5], ['{}'], [false]],
  ),
  statement(
    `select slate_id as "slateId", source, ranker, definition_hash as "definitionHash", model_version as "modelVersion",
       user_id as "userId", occurred_at_ms as "occurredAtMs", context, user_features as "user", user_version as "userVersion",
       user_tally as "userTally", history_end as "historyEnd", items
     from slates where slate_id = any($1::text[])`,
    [id],
  ),
  statement(
    `select e.event_id as "eventId", e.occurred_at_ms as "occurredAtMs", e.body as event from orphans o join events e using (event_id)
     where o.slate_id = any($1::text[]) order by e.occurred_at_ms, e.event_id`,
    [id],
  ),
  statement(
    `insert into slates (slate_id, source, ranker, definition_hash, model_version, user_id, occurred_at_ms, context,
       user_features, user_version, user_tally, history_end, items)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::jsonb[],
       $9::jsonb[], $10::bigint[], $11::jsonb[], $12::bigint[], $13::jsonb[])`,
    ...[[id], ['rest'], ['r'], [null], [null], ['u'], [5], ['{}'], ['{}'], [null], [null], [0], ['[]']],
  ),
  statement(
    `insert into examples (slate_id, item_id, ranker, position, occurred_at_ms, feedback)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::bigint[], $6::jsonb[])
     on conflict (slate_id, item_id) do update set feedback = excluded.feedback`,
    ...[[id], ['i'], ['r'], [0], [5], ['[]']],
  ),
  statement(
    `insert into tallies (scope, key, tally) select * from unnest($1::text[], $2::text[], $3::jsonb[])
     on conflict (scope, key) do update set tally = excluded.tally`,
    ...[['item'], ['i'], ['{}']],
  ),
  statement(
    `insert into history (user_id, sequence, item_id, item_version, kind, occurred_at_ms)
     select * from unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::bigint[])`,
    ...[[id], [1], ['i'], [null], ['click'], [5]],
  ),
  statement(
    'insert into orphans (slate_id, event_id) select * from unnest($1::text[], $2::text[]) on conflict do nothing',
    ...[[id], [id]],
  ),
  statement(
    `delete from orphans using unnest($1::text[], $2::text[]) as adopted (slate_id, event_id)
     where orphans.slate_id = adopted.slate_id and orphans.event_id = adopted.event_id`,
    ...[[id], [id]],
  ),
  statement(
    'delete from pending where source = $1 and occurred_at_ms between $2 and $3 and event_id = any($4::text[])',
    ...['rest', 5, 5, [id]],
  ),
  statement(
    'update sources set joined_to_ms = greatest(joined_to_ms, $2), late = late + $3 where name = $1',
    ...['rest', 5, 0],
  ),
]

/** Questions of serving, training and the API. */
const questions = (id: string): readonly Statement[] => [
  statement(
    `select source, occurred_at_ms as "occurredAtMs", received_at_ms as "receivedAtMs", body,
       exists (select from pending p where p.source = e.source and p.occurred_at_ms = e.occurred_at_ms
         and p.event_id = e.event_id) as "isPending",
       exists (select from orphans o where o.slate_id = e.body->>'slateId' and o.event_id = e.event_id) as "isOrphan"
     from events e where event_id = $1`,
    id,
  ),
  statement(
    `select id, event_id as "eventId", code, path, message, source, received_at_ms as "receivedAtMs"
     from dead_letters where $1::bigint is null or id < $1 order by id desc limit 100`,
    null,
  ),
  statement(
    `select h.sequence, h.item_id as "itemId", h.kind, h.occurred_at_ms as "occurredAtMs", v.features
     from (select * from history where user_id = $1 order by sequence desc limit $2) h
     left join catalog_versions v on v.version = h.item_version and not v.deleted
     order by h.sequence`,
    ...[id, 50],
  ),
  statement(
    'select scope, key, tally from tallies join unnest($1::text[], $2::text[]) as wanted (scope, key) using (scope, key)',
    ...[['item'], ['i']],
  ),
  statement('select name, watermark_ms as "watermarkMs", joined_to_ms as "joinedToMs" from sources order by name'),
  statement(
    `select min(occurred_at_ms) as "fromMs", max(occurred_at_ms) as "lastMs", count(*) as impressions
     from examples where ranker = $1`,
    'r',
  ),
]

/** Of all that the release does for one event, what is one transaction each. */
export const transactionsBefore004 = (id: string): readonly (readonly Statement[])[] => [
  ingestion(id),
  join(id),
  ...questions(id).map((each) => [each]),
]
