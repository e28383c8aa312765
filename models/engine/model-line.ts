import { fileURLToPath } from 'node:url'

const engineFolder = import.meta.url.slice(0, import.meta.url.lastIndexOf('/') + 1)
const hidden = [engineFolder, fileURLToPath(engineFolder), 'node:', '/node_modules/', 'tfjs-core/', '<anonymous>']

/** `file:line` of the code that called into the engine or TensorFlow.js, as the stack tells; the present one where left out. */
export function modelLine(stack = new Error().stack ?? ''): string {
  for (const frame of stack.split('\n').slice(1)) {
    if (hidden.some((part) => frame.includes(part))) continue
    const found = /(?:file:\/\/)?(\/[^():]+|[A-Za-z]:[^():]+):(\d+):\d+\)?$/.exec(frame)
    if (found !== null) return `${found[1]}:${found[2]}`
  }
  return 'an unknown line'
}
