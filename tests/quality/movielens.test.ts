import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { fnv1a, readMovielens, sliceOf } from './movielens.ts'

const official = {
  'ratings.dat': '2::3::5::978300760\n2::1::2::978302109\n1::3::4::978301968\n10::1::1::978301968\n',
  'users.dat': '1::F::1::10::48067\n2::M::56::16::70072\n10::F::35::1::95370\n',
  'movies.dat': "1::Toy Story (1995)::Animation|Children's|Comedy\n3::Misérables, Les (Paris) (1998)::Drama\n",
}
const asCsv = {
  'ratings_notime.csv.gz': gzipSync('user_id,movie_id,rating\n2,3,5\n2,1,2\n1,3,4\n10,1,1\n'),
  'users.csv': 'user_id,gender,age,occupation,zip\n1,F,1,10,48067\n2,M,56,16,70072\n10,F,35,1,95370\n',
  'movies.csv':
    'movie_id,title,genres\n1,Toy Story (1995),Animation|Children\'s|Comedy\n3,"Misérables, Les (Paris) (1998)",Drama\n',
}

function folderOf(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'movielens-'))
  t.after(() => rmSync(folder, { recursive: true }))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
  return folder
}

/** As GroupLens encodes its files. */
const inLatin1 = (files: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [name, Buffer.from(text, 'latin1')]))

test('ratings of the official files come by user, then movie, as numbers order them', (t) => {
  const { ratings } = readMovielens(folderOf(t, inLatin1(official)))

  assert.deepEqual(ratings, [
    { userId: '1', movieId: '3', stars: 4 },
    { userId: '2', movieId: '1', stars: 2 },
    { userId: '2', movieId: '3', stars: 5 },
    { userId: '10', movieId: '1', stars: 1 },
  ])
})

test('users have their codes, and movies their genres and the year that ends their title', (t) => {
  const { users, movies } = readMovielens(folderOf(t, inLatin1(official)))

  assert.deepEqual(users.get('2'), { gender: 'M', age: '56', occupation: '16' })
  assert.deepEqual(movies.get('1'), { year: 1995, genres: ['Animation', "Children's", 'Comedy'] })
  assert.deepEqual(movies.get('3'), { year: 1998, genres: ['Drama'] })
  assert.deepEqual([users.size, movies.size], [3, 2])
})

test('a movie without a year at the end of its title has none', (t) => {
  const files = { ...official, 'movies.dat': '1::1984::Drama\n3::Seven (1995) again::Crime\n' }

  const { movies } = readMovielens(folderOf(t, inLatin1(files)))

  assert.deepEqual([movies.get('1')!.year, movies.get('3')!.year], [null, null])
})

test('the tables as CSV read like the official files', (t) => {
  assert.deepEqual(readMovielens(folderOf(t, asCsv)), readMovielens(folderOf(t, inLatin1(official))))
})

test('a folder with neither form is refused with what it must hold', (t) => {
  const folder = folderOf(t, { 'ratings.csv': '' })

  assert.throws(() => readMovielens(folder), { name: 'RangeError', message: /has no ratings\.dat/ })
})

test('the hash is FNV-1a of 32 bits', () => {
  // The empty text has the offset basis; "a" and "foobar" are test vectors of the hash's authors.
  assert.deepEqual(['', 'a', 'foobar'].map(fnv1a), [0x811c9dc5, 0xe40c292c, 0xbf9cf968])
  assert.deepEqual(['1:1', '1:1193', '6040:3952'].map(fnv1a), [1_680_131_417, 2_058_704_224, 457_024_308])
})

test('last digit 0 of the hash is the test, 1 validation, and all others are to learn from', () => {
  const pairs = Array.from({ length: 200 }, (_, i) => ({ userId: String(i % 14), movieId: String(i) }))
  const byDigit = new Map(pairs.map((pair) => [fnv1a(`${pair.userId}:${pair.movieId}`) % 10, sliceOf(pair)]))

  const expected = ['test', 'validation', ...Array.from({ length: 8 }, () => 'train')]
  assert.deepEqual(
    [...byDigit].sort(([a], [b]) => a - b).map(([, slice]) => slice),
    expected,
  )
})
