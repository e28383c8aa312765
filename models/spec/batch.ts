/**
 * The one layout that training and serving share: R requests of N candidate slots each; user, context and history once a
 * request. Padded requests, candidates and values have row 0, weight 0, number 0, present 0, mask 0.
 *
 * Rows index one table of all categorical features; row 0 is nobody's and always reads as the zero vector. A slot is one
 * place for a row: a categorical feature has one, a multi-valued one `maxValues`, a history `length` for each of its item
 * features. A group is the slots whose weighted sum is one feature's vector (weights of a multi-valued feature: 1 / count).
 */
export interface SlotGroup {
  readonly feature: string
  readonly offset: number
  readonly count: number
  /** Subject to id dropout. */
  readonly isId: boolean
}

/** A half of the input: what is given once a request, or once a candidate. */
export interface SideLayout {
  readonly groups: readonly SlotGroup[]
  readonly slots: number
  /** Names of the numbers, in order. A `counters` feature has several: `<feature>.impressions`, `<feature>.click.rate`, ... */
  readonly numbers: readonly string[]
}

/** Which rows of the table belong to which feature: [offset, offset + rows). Offsets start at 1. */
export interface TableColumn {
  readonly feature: string
  readonly offset: number
  readonly rows: number
}

export interface BatchLayout {
  readonly request: SideLayout
  readonly candidate: SideLayout
  readonly columns: readonly TableColumn[]
  /** Rows of the table, row 0 included. */
  readonly tableRows: number
}

/** Row-major arrays of one side; `places` is R for the request side and R * N for the candidate side. */
export interface SideBatch {
  /** [places, slots] */
  readonly rows: Int32Array
  /** [places, slots] */
  readonly weights: Float32Array
  /** [places, numbers]; 0 where missing */
  readonly numbers: Float32Array
  /** [places, numbers]; 1 where there is a value, else 0 */
  readonly present: Float32Array
}

export interface Batch {
  readonly requests: number
  readonly candidates: number
  readonly request: SideBatch
  readonly candidate: SideBatch
  /** [R, N]; 1 where there is a candidate */
  readonly mask: Float32Array
}
