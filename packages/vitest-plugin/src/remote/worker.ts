/**
 * The process that runs one bench file on the machine: Vitest's own worker half, spoken to through file descriptors 3
 * (in) and 4 (out). 1 and 2 stay free for the user's code; both end up in the stderr of the ssh channel.
 *
 * This file is never started where it lies: `host/runtime.ts` bundles it with the Vitest that the developer has.
 */
import fs from 'node:fs'
import module from 'node:module'
import net from 'node:net'

import { encodeFrame, FrameReader } from '../wire/frames.ts'
import {
  type FromWorker,
  isOurs,
  type SnapshotAnswer,
  type SnapshotRequest,
} from '../wire/messages.ts'

type Listener = (message: unknown) => void

// Vitest replaces `process.exit` while tests run.
const exit = process.exit.bind(process)
const input = new net.Socket({ fd: 3, readable: true, writable: false })
const output = new net.Socket({ fd: 4, readable: false, writable: true })
const listeners = new Set<Listener>()
const asked = new Map<number, (answer: SnapshotAnswer) => void>()
let lastId = 0

// A package that itself imports Vitest must get this very instance, or it finds no runner.
module.registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'vitest' || specifier.startsWith('vitest/')
      ? next(specifier, { ...context, parentURL: import.meta.url })
      : next(specifier, context),
})

// When the channel closes nobody is left to report to.
for (const event of ['end', 'close', 'error']) input.on(event, () => exit(81))
output.on('error', () => exit(82))

const reader = new FrameReader()
input.on('data', (chunk: Buffer) => {
  for (const message of reader.push(chunk)) receive(message)
})

function post(message: unknown): void {
  output.write(encodeFrame(message))
}

function say(message: FromWorker): void {
  post(message)
}

function receive(message: unknown): void {
  if (!isOurs(message)) {
    for (const listener of listeners) listener(message)
  } else if (message.benchaway === 'hello') {
    void start(message.env, message.cwd)
  } else if (message.benchaway === 'answer') {
    asked.get(message.id)?.(message)
    asked.delete(message.id)
  }
}

async function ask(
  request: Pick<SnapshotRequest, 'action' | 'path' | 'text'>,
): Promise<string | null> {
  const id = ++lastId
  const answer = await new Promise<SnapshotAnswer>((resolve) => {
    asked.set(id, resolve)
    say({ benchaway: 'snapshot', id, ...request })
  })
  if (answer.error !== undefined) throw new Error(answer.error)
  return answer.text
}

async function start(env: Readonly<Record<string, string>>, cwd: string): Promise<void> {
  // The environment first: Vitest decides about colours while its modules load.
  Object.assign(process.env, env)
  fs.mkdirSync(cwd, { recursive: true })
  process.chdir(cwd)
  const { init, runBaseTests, setupEnvironment } = await import('vitest/worker')
  const { VitestSnapshotEnvironment } = await import('vitest/runtime')

  class HostSnapshots extends VitestSnapshotEnvironment {
    override readSnapshotFile(path: string): Promise<string | null> {
      return ask({ action: 'read', path })
    }
    override async saveSnapshotFile(path: string, text: string): Promise<void> {
      await ask({ action: 'save', path, text })
    }
    override async removeSnapshotFile(path: string): Promise<void> {
      await ask({ action: 'remove', path })
    }
    // The host makes folders when it saves.
    override async prepareDirectory(): Promise<void> {}
  }

  init({
    post,
    on: (listener: Listener) => listeners.add(listener),
    off: (listener: Listener) => listeners.delete(listener),
    teardown: () => {
      listeners.clear()
      process.exit = exit
    },
    runTests: (state, traces) => {
      state.config.snapshotOptions.snapshotEnvironment = new HostSnapshots()
      return runBaseTests('run', state, traces)
    },
    collectTests: (state, traces) => runBaseTests('collect', state, traces),
    setup: setupEnvironment,
  })
  say({ benchaway: 'ready' })
}
