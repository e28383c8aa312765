export interface FaultDetails {
  /** Where the fault is: a JSON pointer into the input, a file, a table. */
  readonly path?: string
  /** HTTP status when it reaches a caller (default 500). */
  readonly status?: number
  /** Whether the same call may succeed later. */
  readonly retry?: boolean
  readonly cause?: unknown
  readonly details?: Readonly<Record<string, unknown>>
}

/** The one error type that is part of the interface: a stable code, the path of the fault, and a message that says the way out. */
export class Fault extends Error {
  override readonly name = 'Fault'
  readonly code: string
  readonly path: string | undefined
  readonly status: number
  readonly retry: boolean
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: string,
    message: string,
    { path, status = 500, retry = false, cause, details = {} }: FaultDetails = {},
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.path = path
    this.status = status
    this.retry = retry
    this.details = details
  }
}
