/** Where the worker listens: a Unix socket, or a free loopback port where such a path is impossible. */
export type ListenAddress = { readonly path: string } | { readonly host: string }

export interface WorkerInput {
  /** Of the database itself. */
  readonly folder: string
  readonly address: ListenAddress
  readonly silentMs: number
}

/** What the worker tells its owner. Anything thrown later ends the worker, which the owner sees as its `error`. */
export type WorkerMessage =
  | { readonly kind: 'listening'; readonly port: number | null }
  | { readonly kind: 'failed'; readonly message: string; readonly code: string | null }
