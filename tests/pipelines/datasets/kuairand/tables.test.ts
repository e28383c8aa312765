import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inlineFeatures, readKuairand } from '../../../../pipelines/datasets/kuairand/tables.ts'

const columns = [
  ...['user_id', 'video_id', 'date', 'hourmin', 'time_ms', 'is_click', 'is_like', 'is_follow', 'is_comment'],
  ...['is_forward', 'is_hate', 'long_view', 'is_profile_enter', 'duration_ms'],
]
const line = (cells: Readonly<Record<string, string | number>>) => columns.map((column) => cells[column] ?? 0).join(',')
const read = (...rows: readonly Readonly<Record<string, string | number>>[]) =>
  readKuairand({
    interactions: [columns.join(','), ...rows.map(line)].join('\n'),
    users: 'user_id,user_active_degree,fans_user_num\n7,full_active,0012\n',
    videos: 'video_id,video_type\n9,NORMAL\n',
  })

test('a row is an impression with the kinds of feedback that it got', () => {
  const cells = { user_id: 7, video_id: 9, date: 20220408, hourmin: 1759, time_ms: 1649400000001, duration_ms: 8000 }
  const { rows } = read({ ...cells, is_like: 1, is_click: 1, is_hate: 1, long_view: 1 })

  assert.deepEqual(rows, [
    {
      ...{ userId: '7', itemId: '9', atMs: 1649400000001, date: 20220408, hour: '17', durationMs: 8000 },
      kinds: ['click', 'long_view', 'like'],
    },
  ])
})

test('the hour is that of the clock, without its minutes', () => {
  const hours = read(...[0, 59, 100, 930, 2359].map((hourmin) => ({ hourmin }))).rows.map(({ hour }) => hour)

  assert.deepEqual(hours, ['0', '0', '1', '9', '23'])
})

test('rows are in the order of time, user and video, as numbers', () => {
  const { rows } = read(
    { time_ms: 2, user_id: 1, video_id: 1 },
    { time_ms: 1, user_id: 10, video_id: 1 },
    { time_ms: 1, user_id: 9, video_id: 10 },
    { time_ms: 1, user_id: 9, video_id: 9 },
  )

  assert.deepEqual(
    rows.map(({ atMs, userId, itemId }) => [atMs, userId, itemId]),
    [
      [1, '9', '9'],
      [1, '9', '10'],
      [1, '10', '1'],
      [2, '1', '1'],
    ],
  )
})

test('of a user, what is a count is a number, and all else is text', () => {
  const { users, videos } = read()

  assert.deepEqual([...users], [['7', { user_active_degree: 'full_active', fans_user_num: 12 }]])
  assert.deepEqual([...videos], [['9', { video_type: 'NORMAL' }]])
})

test('a duration of 0 is one that is not known, and says so', () => {
  const [known, unknown] = read({ time_ms: 1, duration_ms: 8000 }, { time_ms: 2 }).rows

  assert.deepEqual(inlineFeatures(known!), { durationMs: 8000, durationIsZero: 0 })
  assert.deepEqual(inlineFeatures(unknown!), { durationMs: 0, durationIsZero: 1 })
})
