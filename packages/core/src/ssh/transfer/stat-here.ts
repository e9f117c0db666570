import fs from 'node:fs'

import { unreadable } from './local-failure.ts'

/**
 * What lies at a path of this computer; a link itself.
 *
 * @returns undefined for nothing
 * @throws {BenchawayError} `TRANSFER_FAILED`
 */
export function statHere(path: string): fs.BigIntStats | undefined {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false, bigint: true })
  } catch (cause) {
    throw unreadable(path, cause)
  }
}
