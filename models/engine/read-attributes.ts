import { Fault } from '../spec/fault.ts'
import type { Attribute, ProgramNode } from './program.ts'

export type ReadAttribute = <T extends Attribute>(attribute: string) => T

/**
 * Calls a lowering with a reader of the node's attributes. One that it does not read would make it silently wrong: fault
 * `ENGINE_ATTRIBUTE_UNREAD` names it, the kernel and the model line.
 */
export function readingAll<R>({ kernel, attributes, line }: ProgramNode, lower: (read: ReadAttribute) => R): R {
  const unread = new Set(Object.keys(attributes))
  const result = lower(<T extends Attribute>(attribute: string): T => {
    unread.delete(attribute)
    return attributes[attribute] as T
  })
  if (unread.size === 0) return result
  throw new Fault(
    'ENGINE_ATTRIBUTE_UNREAD',
    `The lowering of ${kernel} does not read ${[...unread].join(', ')}, used at ${line}.`,
  )
}
