import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { readCsv } from '../../pipelines/datasets/csv.ts'

/** MovieLens 1M, whose terms allow no copy in this repository: read from a folder that the reader has. */
export interface Movielens {
  /** By user, then movie. */
  readonly ratings: readonly Rating[]
  readonly users: ReadonlyMap<string, MovielensUser>
  readonly movies: ReadonlyMap<string, Movie>
}
export interface Rating {
  readonly userId: string
  readonly movieId: string
  /** 1 to 5 */
  readonly stars: number
}
export interface MovielensUser {
  readonly gender: string
  readonly age: string
  readonly occupation: string
}
export interface Movie {
  /** Of the title's last brackets; null where it has none. */
  readonly year: number | null
  readonly genres: readonly string[]
}

export const slices = ['train', 'validation', 'test'] as const
export type Slice = (typeof slices)[number]

const columns = {
  ratings: ['user_id', 'movie_id', 'rating'],
  users: ['user_id', 'gender', 'age', 'occupation'],
  movies: ['movie_id', 'title', 'genres'],
} as const
type Table = keyof typeof columns
type Row = Readonly<Record<string, string>>

/**
 * The tables as GroupLens hands them out (`ratings.dat`, `users.dat`, `movies.dat`), or the same as CSV with a header
 * (`ratings_notime.csv.gz`, `users.csv`, `movies.csv`). Throws a `RangeError` where the folder has neither.
 */
export function readMovielens(folder: string): Movielens {
  const read = readerOf(folder)
  const ratings = read('ratings').map((row) => ({
    userId: row.user_id!,
    movieId: row.movie_id!,
    stars: Number(row.rating),
  }))
  return {
    ratings: ratings.sort((a, b) => Number(a.userId) - Number(b.userId) || Number(a.movieId) - Number(b.movieId)),
    users: new Map(
      read('users').map((row) => [row.user_id!, { gender: row.gender!, age: row.age!, occupation: row.occupation! }]),
    ),
    movies: new Map(
      read('movies').map((row) => [row.movie_id!, { year: yearOf(row.title!), genres: row.genres!.split('|') }]),
    ),
  }
}

function readerOf(folder: string): (table: Table) => Row[] {
  const at = (name: string) => join(folder, name)
  if (existsSync(at('ratings.dat')))
    return (table) => readDat(readFileSync(at(`${table}.dat`), 'latin1'), columns[table])
  if (existsSync(at('ratings_notime.csv.gz')))
    return (table) => [
      ...readCsv(
        table === 'ratings'
          ? gunzipSync(readFileSync(at('ratings_notime.csv.gz'))).toString('utf8')
          : readFileSync(at(`${table}.csv`), 'utf8'),
      ),
    ]
  throw new RangeError(`${folder} has no ratings.dat; give the folder of MovieLens 1M.`)
}

/** One row a line, fields between `::`; columns beyond those named are left out. */
const readDat = (text: string, names: readonly string[]): Row[] =>
  text
    .split(/\r?\n/)
    .filter((line) => line !== '')
    .map((line) => {
      const fields = line.split('::')
      return Object.fromEntries(names.map((name, i) => [name, fields[i]!]))
    })

function yearOf(title: string): number | null {
  const year = /\((\d{4})\)\s*$/.exec(title)?.[1]
  return year === undefined ? null : Number(year)
}

/** By the hash of both ids: a tenth for the test, a tenth for choosing settings, the rest to learn from. */
export function sliceOf({ userId, movieId }: Pick<Rating, 'userId' | 'movieId'>): Slice {
  const tenth = fnv1a(`${userId}:${movieId}`) % 10
  return tenth === 0 ? 'test' : tenth === 1 ? 'validation' : 'train'
}

/** 32-bit FNV-1a over the bytes of a text in ASCII. */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}
