/** The same calls to two endpoints, step by step, and what of their answers may differ. */
import type { EC2Client } from '@aws-sdk/client-ec2'
import type { STSClient } from '@aws-sdk/client-sts'

import { ec2Client, stsClient } from '../clients.ts'
import { type Difference, differences, Normaliser, outcome } from './compare.ts'

type Account = Parameters<typeof ec2Client>[0]

/** One of the two, and what a scene has made there, by names of its own. */
export interface End {
  ec2: EC2Client
  sts: STSClient
  made: Record<string, string>
}

export type Step = (end: End) => Promise<object>

/** A difference that must be there, and why it may. */
export interface Expected {
  /** Names of steps, with `*` for any text. */
  step: string
  /** Of a member, with `*` for any text. */
  path: string
  /** What one of them has and the other has not, or has in another way. */
  who: 'only ours' | 'only moto' | 'both'
  because: string
}

/** Walks through the steps at both: what differs and is not expected to, and what was expected to and does not. */
export async function compare(
  accounts: readonly [ours: Account, moto: Account],
  steps: Record<string, Step>,
  expected: Expected[] = [],
): Promise<{ unexpected: string[]; unused: Expected[] }> {
  const ends = accounts.map((account) => ({
    end: { ec2: ec2Client(account), sts: stsClient(account), made: {} },
    normaliser: new Normaliser(),
  }))
  const unused = new Set(expected)
  const unexpected: string[] = []
  for (const [step, call] of Object.entries(steps)) {
    // oxlint-disable-next-line no-await-in-loop -- a step builds on the one before
    const [here, there] = await Promise.all(
      ends.map(async ({ end, normaliser }) => normaliser.normalise(await outcome(call(end)))),
    )
    for (const difference of differences(here, there)) {
      const rules = expected.filter((rule) => isExpected(rule, step, difference))
      for (const rule of rules) unused.delete(rule)
      if (rules.length === 0) {
        const { path, ours, theirs } = difference
        unexpected.push(
          `${step}: ${path}: ours ${JSON.stringify(ours)}, moto ${JSON.stringify(theirs)}`,
        )
      }
    }
  }
  return { unexpected, unused: [...unused] }
}

function glob(pattern: string): RegExp {
  const literal = pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`^${literal.replaceAll('*', '.*')}$`)
}

function isExpected({ step, path, who }: Expected, name: string, found: Difference): boolean {
  const has =
    found.theirs === undefined ? 'only ours' : found.ours === undefined ? 'only moto' : 'both'
  return who === has && glob(step).test(name) && glob(path).test(found.path)
}
