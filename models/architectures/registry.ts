import type { ArchitectureSpec } from '../spec/ranker.ts'
import type { Architecture, ArchitectureSizes } from './architecture.ts'
import { mmoe } from './mmoe.ts'
import { sharedBottom } from './shared-bottom.ts'
import { singleTask } from './single-task.ts'

/** The architecture of a definition. A new one is a file beside this and a line here. */
export function createArchitecture(spec: ArchitectureSpec, sizes: ArchitectureSizes): Architecture {
  switch (spec.kind) {
    case 'single-task':
      return singleTask(spec, sizes)
    case 'shared-bottom':
      return sharedBottom(spec, sizes)
    case 'mmoe':
      return mmoe(spec, sizes)
  }
}
