/** Messages of PostgreSQL's protocol 3.0, as the tests of the shared session write them. */

function messageOf(type: string, ...parts: readonly (string | readonly number[])[]): Buffer {
  const body = Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\u0000`) : Buffer.from(part))),
  )
  const header = Buffer.alloc(5)
  header.write(type, 'latin1')
  header.writeInt32BE(4 + body.length, 1)
  return Buffer.concat([header, body])
}

export const query = (sql: string): Buffer => messageOf('Q', sql)
/** Of the unnamed statement, which all connections share. */
export const parse = (sql: string): Buffer => messageOf('P', '', sql, [0, 0])
export const bind = messageOf('B', '', '', [0, 0, 0, 0, 0, 0])
export const execute = messageOf('E', '', [0, 0, 0, 0])
export const sync = messageOf('S')

export const authenticationOk = messageOf('R', [0, 0, 0, 0])
export const commandComplete = messageOf('C', 'SELECT 0')
export const readyForQuery = messageOf('Z', [0x49])
export const dataRow = (text: string): Buffer => messageOf('D', [0, 1, 0, 0, 0, text.length], [...Buffer.from(text)])
export const errorResponse = (severity: string, code: string, message: string): Buffer =>
  messageOf('E', `S${severity}`, `V${severity}`, `C${code}`, `M${message}`, [0])

export function startup(): Buffer {
  const body = Buffer.from('user\u0000postgres\u0000database\u0000postgres\u0000\u0000')
  const header = Buffer.alloc(8)
  header.writeInt32BE(8 + body.length)
  header.writeInt32BE(196_608, 4)
  return Buffer.concat([header, body])
}

/** Types and bodies of the whole messages in `bytes`. */
export function messagesIn(bytes: Buffer): { readonly type: string; readonly body: Buffer }[] {
  const messages: { type: string; body: Buffer }[] = []
  for (let at = 0; at + 5 <= bytes.length; ) {
    const end = at + 1 + bytes.readInt32BE(at + 1)
    if (end > bytes.length) break
    messages.push({ type: String.fromCharCode(bytes[at]!), body: bytes.subarray(at + 5, end) })
    at = end
  }
  return messages
}

/** The first column of each row, as text. */
export const firstColumn = (bytes: Buffer): string[] =>
  messagesIn(bytes)
    .filter(({ type }) => type === 'D')
    .map(({ body }) => body.toString('utf8', 6, 6 + body.readInt32BE(2)))
