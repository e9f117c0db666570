/** What the tests of the heavy tier share: which machines there are, and why some cannot be had on this computer. */
import { describe, inject } from 'vitest'

import { type ImageSystem, imageSystems } from '../../src/machine/machine.ts'

/** The images: two generations of cloud-init, systemd and sshd. */
export const systems: readonly ImageSystem[] = imageSystems

/** The kinds of machines that boot them. */
export const kinds = ['cloud-init', 'systemd'] as const
export type HeavyKind = (typeof kinds)[number]

declare module 'vitest' {
  interface ProvidedContext {
    /** What `global-setup.ts` has found out: why a kind or a system cannot be had. */
    lacking: Partial<Record<HeavyKind | ImageSystem, string>>
  }
}

/** How long a boot of an image may take on a busy computer, in milliseconds. */
export const bootMs = 100_000

export interface Needs {
  kind: HeavyKind
  /** @default all */
  systems?: readonly ImageSystem[]
}

/** Why machines of that kind and these systems cannot be had here; `undefined` where they can. */
function reasonAgainst({ kind, systems: wanted = systems }: Needs): string | undefined {
  const lacking = inject('lacking')
  return [kind, ...wanted].map((part) => lacking[part]).find((reason) => reason !== undefined)
}

export const has = (needs: Needs): boolean => reasonAgainst(needs) === undefined

/**
 * `describe` for tests that boot such machines. Where one of them cannot be had each test counts as skipped, with the
 * reason in its name; hooks do not run then.
 */
export function describeOn(needs: Needs, name: string, body: () => void): void {
  const reason = reasonAgainst(needs)
  const title = reason === undefined ? name : `${name} (skipped: ${reason})`
  // oxlint-disable-next-line vitest/valid-title, vitest/valid-describe-callback -- both are the caller's
  describe.skipIf(reason !== undefined)(title, body)
}
