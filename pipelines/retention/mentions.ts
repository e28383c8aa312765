/** What may stand beside an id without being part of it: "u1" is neither in "u12" nor in "menu1". */
const isPart = (character: string | undefined) => character !== undefined && /[\p{L}\p{N}_-]/u.test(character)

const escapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }
/** As JSON reads its strings, in any text: what is broken elsewhere is read all the same. */
const unescaped = (text: string): string =>
  text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/gs, (_, code: string | undefined, character: string) =>
    code === undefined ? (escapes[character] ?? character) : String.fromCharCode(Number.parseInt(code, 16)),
  )

/**
 * Whether a payload, of which nothing is certain, holds an id: as it is or escaped, also as JSON within a string of JSON, and
 * whatever else in it is broken. Rather once too often than once too few.
 */
export function mentions(payload: Uint8Array, id: string): boolean {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  // Without its zeros, UTF-16 reads as plain text where it is ASCII.
  const plain = bytes.toString('utf8').replaceAll('\u0000', '')
  const once = unescaped(plain)
  // Where the id is ASCII, these read as the first.
  const others = /^[\0-\x7f]*$/.test(id) ? [] : [bytes.toString('latin1'), bytes.toString('utf16le')]
  return [plain, once, unescaped(once), ...others].some((text) => holds(text, id))
}

function holds(text: string, id: string): boolean {
  const [isWord, endsWord] = [isPart(id[0]), isPart(id.at(-1))]
  for (let at = text.indexOf(id); at !== -1; at = text.indexOf(id, at + 1)) {
    if (!(isWord && isPart(text[at - 1])) && !(endsWord && isPart(text[at + id.length]))) return true
  }
  return false
}
