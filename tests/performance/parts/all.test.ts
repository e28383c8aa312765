import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { choose, partsOf } from './all.ts'
import { devices, pytorchMissing } from './programs.ts'

const parts = partsOf({ threads: 3, seconds: 0.5, python: '/a/python' })
const programsOf = ({ ours, rivals }: (typeof parts)[number]) => [...ours, ...rivals]

test('every part has a name of its own that --only can choose alone', () => {
  for (const { name } of parts) {
    assert.deepEqual(
      choose(parts, { only: name }).map((part) => part.name),
      [name],
    )
  }
})

test('within a part every program has a label of its own', () => {
  for (const part of parts) {
    const labels = programsOf(part).map(({ label }) => label)
    assert.equal(new Set(labels).size, labels.length, part.name)
  }
})

test('every aim is of a device and a rival that the part has', () => {
  for (const { name, ours, rivals, aims } of parts) {
    for (const { device, rival, ratio } of aims) {
      assert.ok(
        ours.some((own) => own.device === device),
        `${name} on ${device}`,
      )
      const compared = rivals.filter((each) => each.rival === rival && (each.only ?? device) === device)
      assert.ok(compared.length > 0 && ratio > 0, `${name} beside ${rival}`)
    }
  }
})

test('a device and a rival are aimed at once', () => {
  for (const { name, aims } of parts) {
    const keys = aims.map(({ device, rival }) => `${device} ${rival}`)
    assert.equal(new Set(keys).size, keys.length, name)
  }
})

test('every program is a file that is there, with the threads and seconds that were asked for', () => {
  for (const part of parts) {
    for (const { label, command } of programsOf(part)) {
      const file = command.find((word) => /peers\/\w+\.(?:ts|py)$/.test(word))
      assert.ok(file !== undefined && existsSync(file), `${label}: ${file}`)
      const line = command.join(' ')
      assert.ok(line.includes(' --threads 3 ') && line.includes(' --seconds 0.5'), line)
    }
  }
})

test('without a Python, PyTorch is missing with the way to get it, and nothing else is', () => {
  for (const part of partsOf({ threads: 1, seconds: 1, python: undefined })) {
    for (const { label, command, missing } of programsOf(part)) {
      const isPytorch = command.some((word) => word.endsWith('pytorch.py'))
      assert.equal(missing, isPytorch ? pytorchMissing : undefined, label)
    }
  }
})

test('a word chooses all parts whose name begins so', () => {
  assert.ok(choose(parts, { only: 'scoring' }).length > 1)
  assert.ok(choose(parts, { only: 'scoring' }).every(({ name }) => name.startsWith('scoring')))
  assert.deepEqual(choose(parts, { only: 'no such part' }), [])
  assert.equal(choose(parts, {}).length, parts.length)
})

test('on one device alone, the other takes no part and is not aimed for', () => {
  for (const device of devices) {
    for (const part of choose(parts, { device })) {
      assert.ok(part.ours.length > 0, part.name)
      assert.ok(part.ours.every((own) => own.device === device))
      assert.ok(part.rivals.every(({ only }) => only === undefined || only === device))
      assert.ok(part.aims.every((aim) => aim.device === device))
    }
  }
})
