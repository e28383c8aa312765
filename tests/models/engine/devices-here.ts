import { findPackage } from '../../../models/engine/tensorflow/library.ts'

/**
 * Why suites of the device `tensorflow` are skipped, for `{ skip: tensorflowMissing }`; false where the package is
 * installed. With `TEST_TENSORFLOW=required` they run, and fail, without it.
 */
export const tensorflowMissing: string | false =
  process.env.TEST_TENSORFLOW === 'required' || findPackage(import.meta.filename) !== undefined
    ? false
    : 'TensorFlow is not installed: npm run setup:tensorflow'
