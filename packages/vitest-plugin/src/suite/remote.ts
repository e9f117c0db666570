import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { checkOptions } from '@benchaway/core/check-options'

import { PluginError } from '../errors.ts'
import { type HookName, hookNames } from '../wire/result.ts'
import { isInstanceHandle, type SuiteInstance } from './instance.ts'
import { reportable } from './report-error.ts'

export interface RemoteOptions {
  /** Where it runs: what `useInstance()` returned. */
  on: SuiteInstance
  /**
   * What the function is called with, at each call; a function is called when the benchmark runs, when all machines
   * are up. Anything that a structured clone keeps: no functions, no instances of classes.
   * @default []
   */
  args?: RemoteArguments | (() => RemoteArguments | Promise<RemoteArguments>) | undefined
  /**
   * Names of exports of the same module that tinybench calls around the benchmark, with the same arguments.
   * @default {}
   */
  hooks?: Partial<Record<HookName, string>> | undefined
}

export type RemoteArguments = readonly unknown[]

/** What `remote()` hides in the function that it returns. */
export interface RemoteTarget extends RemoteOptions {
  /** As it was written, for messages. */
  readonly reference: string
  /** Absolute path. */
  readonly file: string
  readonly exportName: string
}

// Registered: the provider may be another instance of this module.
const mark: unique symbol = Symbol.for('benchaway.remote')

/**
 * A function that `bench()` measures on a machine, whose code is an export of a module: a closure could not travel.
 * The module goes there bundled with all that it imports; files that it reads must be pushed in `setup`.
 *
 * @param meta `import.meta` of the driver file
 * @param reference path of the module relative to that file, and the name of the export, such as `./get.ts#get`
 * @throws {BenchawayError} `OPTION_INVALID`
 * @throws {PluginError} `REMOTE_INVALID` when there is no such file
 */
export function remote(
  meta: { readonly url: string },
  reference: string,
  options: RemoteOptions,
): () => never {
  let target: RemoteTarget
  try {
    target = targetOf(meta, reference, options)
  } catch (error) {
    throw reportable(error)
  }
  const call = (): never => {
    // Measuring here instead would give numbers that look like those of the machine.
    throw reportable(
      new PluginError('REMOTE_INVALID', `remote('${reference}') was called on this computer`, {
        hint: 'Hand it to bench() as it is, in a driver file of a project that has the benchaway() plugin.',
      }),
    )
  }
  return Object.assign(call, { [mark]: target })
}

function targetOf(
  meta: { readonly url: string },
  reference: string,
  options: RemoteOptions,
): RemoteTarget {
  checkOptions(`remote('${reference}')`, options, {
    on: [isInstanceHandle, 'what useInstance() returned'],
    args: [
      (value) => typeof value === 'function' || Array.isArray(value),
      'a list, or a function that returns one',
    ],
    hooks: [isHooks, `names of exports for ${hookNames.join(', ')}`],
  })
  if (options.on === undefined) {
    throw new PluginError('OPTION_INVALID', `remote('${reference}') needs the option 'on'`, {
      hint: 'Give it what useInstance() returned.',
    })
  }
  const [, path, exportName] =
    /^(\.{0,2}\/.+)#([\p{ID_Start}$_][\p{ID_Continue}$]*)$/u.exec(reference) ?? []
  if (path === undefined || exportName === undefined) {
    throw new PluginError('REMOTE_INVALID', `remote() was given '${reference}'`, {
      hint: 'Give the path of a module relative to this file and the name of one of its exports, such as ./get.ts#get.',
    })
  }
  const file = fileURLToPath(new URL(path, meta.url))
  if (!existsSync(file)) {
    throw new PluginError(
      'REMOTE_INVALID',
      `remote('${reference}') names ${file}, which does not exist`,
      {
        hint: 'Write the path relative to the driver file, with its extension.',
      },
    )
  }
  return { ...options, reference, file, exportName }
}

/** @returns undefined for a function that does not come from `remote()` */
export function remoteTarget(fn: unknown): RemoteTarget | undefined {
  return typeof fn === 'function' && mark in fn && isTarget(fn[mark]) ? fn[mark] : undefined
}

// Nobody else writes under our mark.
function isTarget(value: unknown): value is RemoteTarget {
  return typeof value === 'object' && value !== null
}

function isHooks(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const known: readonly string[] = hookNames
  return Object.entries(value).every(
    ([name, exported]) =>
      known.includes(name) && (exported === undefined || typeof exported === 'string'),
  )
}
