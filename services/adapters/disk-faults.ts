import { Fault } from '../../models/spec/fault.ts'

const unwritable = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'])
const full = new Set(['ENOSPC', 'EDQUOT', '53100'])

/** A disk's error as a Fault, `DATA_FOLDER_UNWRITABLE` or `DISK_FULL`; null where the error is of another kind. */
export function diskFault(error: unknown, path: string): Fault | null {
  const { code, message = '' } = (error ?? {}) as { code?: unknown; message?: string }
  if (typeof code !== 'string') return null
  if (unwritable.has(code)) {
    return new Fault(
      'DATA_FOLDER_UNWRITABLE',
      `${path} cannot be written (${code}). Give it to the user that runs this, or choose another (POLYRANK_DATA).`,
      { path, cause: error },
    )
  }
  if (full.has(code)) {
    return new Fault('DISK_FULL', `No space is left for ${path} (${message}). Free some, or move the data folder.`, {
      path,
      status: 507,
      retry: true,
      cause: error,
    })
  }
  return null
}

/** Does `work`; an error of the disk comes as the fault that it is. */
export async function onDisk<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw diskFault(error, path) ?? error
  }
}
