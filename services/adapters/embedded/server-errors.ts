export interface ServerError {
  /** Not translated: `ERROR`, `FATAL`, `PANIC`. */
  readonly severity: string
  readonly code: string
  readonly message: string
}

const errorType = 'E'.charCodeAt(0)
/** A type and a length that counts itself. */
const headerBytes = 5

/** Reads what a server sends, in pieces cut anywhere, and hands on the errors in it. */
export function createErrorReader(onError: (error: ServerError) => void): (piece: Uint8Array) => void {
  let begun = Buffer.alloc(0)
  let toSkip = 0
  return (piece) => {
    const skipped = Math.min(toSkip, piece.length)
    toSkip -= skipped
    let bytes = skipped === piece.length ? Buffer.alloc(0) : Buffer.concat([begun, piece.subarray(skipped)])
    while (bytes.length >= headerBytes) {
      const end = 1 + bytes.readInt32BE(1)
      if (bytes[0] === errorType && bytes.length < end) break
      if (bytes[0] === errorType) onError(errorOf(bytes.toString('utf8', headerBytes, end)))
      toSkip = Math.max(end - bytes.length, 0)
      bytes = bytes.subarray(end)
    }
    begun = bytes
  }
}

/** Fields, each a letter and a text that ends with NUL. */
function errorOf(fields: string): ServerError {
  const field = (letter: string) =>
    fields
      .split('\u0000')
      .find((each) => each.startsWith(letter))
      ?.slice(1) ?? ''
  return { severity: field('V'), code: field('C'), message: field('M') }
}
