/** The driver file's end of the socket to Vitest's main process. */
import { once } from 'node:events'
import net from 'node:net'

import type { ErrorCode } from '@benchaway/core'

import { PluginError } from '../errors.ts'
import {
  type Ask,
  type BrokerAddress,
  type Launched,
  type MachineOptions,
  maxBrokerLine,
} from '../wire/broker.ts'
import { encodeLine, isRecord, LineReader } from '../wire/lines.ts'

/** A machine that the main process has launched for us. */
export interface GivenMachine extends Launched {
  /** Resolves once EC2 has accepted its end; safe to call twice. */
  readonly terminate: () => Promise<void>
}

/**
 * Asks for a machine and waits until it is up. When this process ends, or `signal` aborts before that, the main
 * process terminates it.
 *
 * @throws {BenchawayError} as `Fleet.launch()` does
 */
export async function askForMachine(
  address: BrokerAddress,
  options: MachineOptions,
  signal: AbortSignal,
): Promise<GivenMachine> {
  signal.throwIfAborted()
  const socket = net.connect(address.path)
  // What goes wrong is told to whoever waits for an answer.
  socket.on('error', () => undefined)
  const close = (): void => void socket.destroy()
  signal.addEventListener('abort', close, { once: true })
  try {
    const answers = readAnswers(socket)
    await once(socket, 'connect', { signal }).catch((error: unknown) => {
      throw brokerLost(error)
    })
    const ask: Ask = { token: address.token, launch: options }
    socket.write(encodeLine(ask))
    const { launched } = await nextAnswer(answers)
    if (!isLaunched(launched)) throw new Error('the main process did not say which machine it is')
    // The machine is given back by closing; it must not keep a worker alive that has nothing else to do.
    socket.unref()
    let ending: Promise<void> | undefined
    const terminate = async (): Promise<void> => {
      socket.ref()
      socket.write(encodeLine({ terminate: true }))
      try {
        await nextAnswer(answers)
      } finally {
        socket.destroy()
      }
    }
    return { ...launched, terminate: () => (ending ??= terminate()) }
  } catch (error) {
    socket.destroy()
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', close)
  }
}

async function* readAnswers(socket: net.Socket): AsyncGenerator<unknown, undefined> {
  const reader = new LineReader(maxBrokerLine)
  for await (const chunk of socket) yield* reader.push(chunk)
  return undefined
}

async function nextAnswer(
  answers: AsyncGenerator<unknown, undefined>,
): Promise<Readonly<Record<string, unknown>>> {
  // The only thing that goes wrong with a Unix socket is that nobody is left at its other end.
  const { value: answer } = await answers.next().catch((error: unknown) => {
    throw brokerLost(error)
  })
  if (!isRecord(answer)) throw brokerLost()
  const { failed } = answer
  if (isRecord(failed)) throw await errorOf(failed)
  return answer
}

/** The error as it was thrown in the main process. */
async function errorOf(failed: Readonly<Record<string, unknown>>): Promise<Error> {
  const { code, message, hint } = failed
  if (!isErrorCode(code)) return new Error(String(message))
  const { BenchawayError } = await import('@benchaway/core')
  const advice = typeof hint === 'string' ? { hint } : {}
  return new BenchawayError(code, String(message), advice)
}

// The main process is of the same version as we are: what it sends as a code is one.
function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string'
}

function isLaunched(value: unknown): value is Launched {
  return isRecord(value) && isRecord(value['access']) && typeof value['node'] === 'string'
}

function brokerLost(cause?: unknown): PluginError {
  return new PluginError('MAIN_PROCESS_LOST', "Vitest's main process no longer answers", { cause })
}
