import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { TaskSpec } from '../../../models/spec/tasks.ts'
import { blend, blendWeights } from '../../../pipelines/ranking/blend.ts'

const task = (name: string, scoreWeight?: number): TaskSpec => ({
  name,
  label: { rule: 'happened', kind: name },
  windowMs: 1_000,
  ...(scoreWeight === undefined ? {} : { scoreWeight }),
})
const tasks = [task('click', 1), task('like', 0.5), task('watch')]
const ordered = (itemIds: readonly string[], scores: readonly number[], weights = [1, 0.5, 0]) =>
  blend(tasks, itemIds, Float32Array.from(scores), weights)

test('without an objective the weights are those of the definition, 0 where it has none', () => {
  assert.deepEqual(blendWeights(tasks, undefined), [1, 0.5, 0])
})

test('an objective replaces all weights, and a task that it leaves out weighs 0', () => {
  assert.deepEqual(blendWeights(tasks, { watch: 2, click: -1 }), [-1, 0, 2])
  assert.deepEqual(blendWeights(tasks, {}), [0, 0, 0])
})

test('an objective of a task that is not there names it and those that are', () => {
  assert.throws(() => blendWeights(tasks, { click: 1, buy: 1 }), {
    ...{ name: 'Fault', code: 'RANK_TASK_UNKNOWN', path: '/objective/buy', status: 400 },
    message: /"buy" is no task of this ranker; its tasks are click, like, watch/,
  })
})

test('the score is the sum of weight times score over tasks, and the best comes first', () => {
  assert.deepEqual(ordered(['a', 'b'], [0.25, 0.5, 8, 0.5, 1, 0]), [
    { itemId: 'b', score: 1, tasks: { click: 0.5, like: 1, watch: 0 } },
    { itemId: 'a', score: 0.5, tasks: { click: 0.25, like: 0.5, watch: 8 } },
  ])
})

test('equal scores stand in the order of their ids, whichever way they came', () => {
  const scores = Array(9).fill(0.5)

  for (const itemIds of [
    ['b', 'a', 'B'],
    ['B', 'b', 'a'],
  ])
    assert.deepEqual(
      ordered(itemIds, scores).map(({ itemId }) => itemId),
      ['B', 'a', 'b'],
    )
})

test('a score that is not finite refuses the answer and names its task', () => {
  for (const broken of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    assert.throws(() => ordered(['a', 'b'], [0, 0, 0, 0, broken, 0]), {
      ...{ name: 'Fault', code: 'RANK_SCORE_NOT_FINITE', status: 503, message: /task "like"/ },
    })
  }
})

test('weights that blend into no finite score are refused as the weights that they are', () => {
  assert.throws(() => ordered(['a'], [0, 1, 10], [0, 0, 1e308]), {
    ...{ name: 'Fault', code: 'RANK_WEIGHTS_TOO_LARGE', path: '/objective', status: 400 },
  })
})

test('the order is by score and then id, and every candidate is there once with its own scores', () => {
  const candidates = fc.uniqueArray(
    fc.record({
      itemId: fc.string(),
      scores: fc.array(fc.constantFrom(0, 0.25, 0.5, 1), { minLength: 3, maxLength: 3 }),
    }),
    { selector: ({ itemId }) => itemId },
  )
  fc.assert(
    fc.property(candidates, (all) => {
      const answer = ordered(
        all.map(({ itemId }) => itemId),
        all.flatMap(({ scores }) => scores),
      )

      for (const [i, { itemId, score }] of answer.slice(1).entries()) {
        const better = answer[i]!
        assert.ok(better.score > score || (better.score === score && better.itemId < itemId))
      }
      const asBlended = (itemId: string) => {
        const [click, like, watch] = all.find((each) => each.itemId === itemId)!.scores
        return { itemId, score: click! + 0.5 * like!, tasks: { click, like, watch } }
      }
      assert.deepEqual(
        answer,
        answer.map(({ itemId }) => asBlended(itemId)),
      )
      assert.equal(new Set(answer.map(({ itemId }) => itemId)).size, all.length)
    }),
  )
})
