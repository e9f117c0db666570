/** One command on its channel: what it prints, how it ends, and why. `exec()`, `stream()` and `spawn()` are made of it. */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import { BenchawayError, type ErrorCode, messageOf } from '../errors.ts'
import type { ChannelExit, OpenChannel } from './channels.ts'
import { CommandError, type CommandResult, shortCommand } from './command.ts'
import type { Connection } from './connection.ts'
import { explain } from './explain.ts'
import type { FarSession } from './far-kill.ts'
import { type FarLine, farLine, type FarLineOptions } from './far-line.ts'
import { type Held, hold } from './input.ts'
import { isLost, kill } from './kill.ts'
import { hintWhenLost } from './lost.ts'
import { MarkReader } from './marks.ts'
import { notStarted } from './not-started.ts'
import type { RunOptions } from './run-options.ts'

export type OutputName = 'stdout' | 'stderr'

/** Why we ended a command: an error that is owed as it is, or what to say. */
type StopReason =
  | { readonly error: unknown }
  | { readonly code: ErrorCode; readonly reason: string; readonly cause?: unknown }

interface RunRequest extends RunOptions, Pick<FarLineOptions, 'before' | 'isServer'> {
  timeoutMs?: number | undefined
  urgent?: boolean | undefined
}

const never: ChannelExit = { exitCode: undefined, signal: undefined }

export class Run {
  /** For messages: the command, shortened, and where it runs. */
  readonly name: string
  /** Resolves when the command itself begins, after sudo and what else comes before it; never when that fails. */
  readonly begun: Promise<void>
  readonly #connection: Connection
  readonly #request: RunRequest
  readonly #line: FarLine
  readonly #output: (name: OutputName, chunk: Buffer) => void
  readonly #began = performance.now()
  readonly #marks: MarkReader
  readonly #told = Promise.withResolvers<FarSession>()
  readonly #gaveUp = Promise.withResolvers<ChannelExit>()
  #session: FarSession | undefined
  #opened: OpenChannel | undefined
  #ended: Promise<ChannelExit> | undefined
  #isOver = false
  #why: StopReason | undefined
  #killed: Promise<boolean> | undefined
  #isLeft = false
  #input: Held | undefined
  #unread: unknown
  #waiting: AbortController | undefined
  #timer: NodeJS.Timeout | undefined

  /**
   * @param where what was called, such as `exec()`
   * @param output is given what the command prints, until it is stopped
   */
  constructor(
    where: string,
    connection: Connection,
    command: string | readonly string[],
    request: RunRequest,
    output: (name: OutputName, chunk: Buffer) => void,
  ) {
    this.#connection = connection
    this.#request = request
    this.#output = output
    this.#line = farLine(where, command, connection.target.user, request)
    this.name = `'${shortCommand(this.#line.shown)}' on ${connection.target.host}`
    const begun = Promise.withResolvers<void>()
    this.begun = begun.promise
    this.#marks = new MarkReader(this.#line.marks, (words) => {
      if (this.#session === undefined) this.#meet(words)
      if (this.#marks.isDone) begun.resolve()
    })
  }

  /** What the far shell leads; undefined until it has said so. */
  get session(): FarSession | undefined {
    return this.#session
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Whether it was ended by us. */
  get isStopped(): boolean {
    return this.#why !== undefined
  }

  /** Whether something of it may still run, although it was to be killed. */
  get isLeft(): boolean {
    return this.#isLeft
  }

  /**
   * Starts it.
   *
   * @throws the reason of the signal
   * @throws {CommandError} `COMMAND_TIMED_OUT`, or as `openChannel()`
   */
  async begin(): Promise<void> {
    const { signal, timeoutMs, stdin, urgent, pty, isServer } = this.#request
    signal?.throwIfAborted()
    if (stdin instanceof Readable) this.#input = hold(stdin)
    const broken = this.#input?.error()
    if (broken !== undefined) {
      throw this.#owed(inputBroke(this.name, broken), this.#result(never, '', ''))
    }
    // Runs from the beginning: a connection whose places are all taken counts as well.
    if (timeoutMs !== undefined) this.#timer = setTimeout(this.#timeOut, timeoutMs)
    signal?.addEventListener('abort', this.#abort, { once: true })
    const canStop = signal !== undefined || timeoutMs !== undefined || isServer === true
    if (canStop) this.#waiting = new AbortController()
    let opened: OpenChannel
    try {
      opened = await this.#connection.openChannel(this.#line.line, {
        signal: this.#waiting?.signal,
        urgent,
        pty: pty === true ? {} : pty || undefined,
      })
    } catch (error) {
      const result = this.#result(never, '', '')
      if (this.#why !== undefined) throw this.#owed(this.#why, result)
      if (!(error instanceof BenchawayError)) throw error
      throw new CommandError(error.code, error.message, result, error.cause, error.hint)
    }
    this.#opened = opened
    const { channel } = opened
    this.#ended = Promise.race([this.#end(opened), this.#gaveUp.promise])
    channel.on('data', this.#listener('stdout', pty !== undefined && pty !== false))
    channel.stderr.on('data', this.#listener('stderr', pty === undefined || pty === false))
    this.#feed(opened)
    if (this.#why !== undefined) this.#kill(opened)
  }

  /** Resolves when it has ended and all output was given out. Never rejects; `begin()` comes first. */
  async end(): Promise<ChannelExit> {
    const ended = (await this.#ended) ?? never
    this.#isOver = true
    // Its shell may be gone before the rest is.
    if (this.#killed !== undefined) this.#isLeft = !(await this.#killed)
    return ended
  }

  /** Kills it; the first reason counts. */
  stop(why: StopReason): void {
    if (this.#why !== undefined || this.#isOver) return
    this.#why = why
    if (this.#opened === undefined) this.#waiting?.abort()
    else this.#kill(this.#opened)
  }

  /** Lets it wait, once its output has filled what ssh buffers: 2 MiB. */
  pause(): void {
    if (this.#why !== undefined) return
    this.#opened?.channel.pause()
    this.#opened?.channel.stderr.pause()
  }

  resume(): void {
    this.#opened?.channel.resume()
    this.#opened?.channel.stderr.resume()
  }

  /** Frees what it held on this computer. */
  release(): void {
    clearTimeout(this.#timer)
    this.#request.signal?.removeEventListener('abort', this.#abort)
    this.#input?.stream.destroy()
    // An open file whose rest nobody reads would stay open.
    if (this.#request.stdin instanceof Readable) this.#request.stdin.destroy()
  }

  /**
   * The result of a command that has succeeded.
   *
   * @param isChecked whether a non-zero exit code and a signal are failures
   * @throws {CommandError}
   */
  settle(ended: ChannelExit, stdout: string, stderr: string, isChecked = true): CommandResult {
    const result = this.#result(ended, stdout, stderr)
    const error = this.#failure(result, isChecked)
    if (error !== undefined) throw error
    return result
  }

  #failure(result: CommandResult, isChecked: boolean): unknown {
    const { exitCode, signal } = result
    const { name } = this
    if (this.#why !== undefined) return this.#owed(this.#why, result)
    const broken = this.#input?.error()
    if (broken !== undefined) return this.#owed(inputBroke(name, broken), result)
    if (isLost(result)) {
      const cause = this.#unread ?? this.#opened?.whyLost()
      const why = explain(cause)
      // What else it may be is about logins.
      const words = why?.code === 'CONNECTION_LOST' ? `: ${why.message}` : ''
      const reason = `${name} was cut off: the ssh connection is gone${words}`
      return new CommandError('CONNECTION_LOST', reason, result, cause, hintWhenLost)
    }
    if (!this.#marks.isDone) {
      const reason = `${name} did not start`
      return new CommandError(
        'COMMAND_NOT_STARTED',
        reason,
        result,
        undefined,
        notStarted(result, this.#connection.target.user, this.#request),
      )
    }
    const isServer = this.#request.isServer === true
    if (!isChecked || (exitCode === 0 && !isServer)) return undefined
    const how =
      signal === undefined ? `ended with exit code ${exitCode}` : `was ended by SIG${signal}`
    const when = isServer ? ' before it was ready' : ''
    return new CommandError('COMMAND_FAILED', `${name} ${how}${when}`, result, this.#unread)
  }

  #owed(why: StopReason, result: CommandResult): unknown {
    if ('error' in why) return why.error
    const left = this.#isLeft ? '; it could not be killed, and may still run' : ''
    return new CommandError(why.code, why.reason + left, result, why.cause)
  }

  #result(ended: ChannelExit, stdout: string, stderr: string): CommandResult {
    const durationMs = performance.now() - this.#began
    const { exitCode, signal } = ended
    return { command: this.#line.shown, exitCode, signal, stdout, stderr, durationMs }
  }

  async #end({ channel, exit }: OpenChannel): Promise<ChannelExit> {
    const ended = await exit
    const { stderr } = channel
    if (!stderr.readableEnded) await new Promise((resolve) => stderr.once('end', resolve))
    return ended
  }

  #listener(name: OutputName, hasMarks: boolean): (chunk: Buffer) => void {
    if (hasMarks) {
      const stream = name === 'stdout' ? this.#opened?.channel : this.#opened?.channel.stderr
      stream?.once('end', () => this.#give(name, this.#marks.rest()))
    }
    return (chunk) => this.#give(name, hasMarks ? this.#marks.take(chunk) : chunk)
  }

  #give(name: OutputName, chunk: Buffer): void {
    if (this.#why === undefined && chunk.length > 0) this.#output(name, chunk)
  }

  #meet(words: string): void {
    const [id = '', ...stat] = words.split(' ')
    if (!/^[1-9]\d*$/.test(id)) return
    // /proc/PID/stat, where field 22 says when it began; its second, in brackets, is the name of a shell.
    const birth = stat.length >= 22 ? stat[21] : undefined
    const isTime = birth !== undefined && /^\d+$/.test(birth)
    this.#session = { id, birth: isTime ? birth : undefined, sudo: this.#request.sudo }
    this.#told.resolve(this.#session)
  }

  #feed({ channel }: OpenChannel): void {
    const { stdin, pty } = this.#request
    const isTerminal = pty !== undefined && pty !== false
    // What a terminal takes for the end of what is typed; the first one sends what is left of a line. An end of the
    // channel's input says nothing to it, and makes sshd hang up on a command that is about to end by itself.
    const end = (): unknown => (isTerminal ? channel.write('\u0004\u0004') : channel.end())
    // A command that is over takes no more, and its exit says what has become of it.
    channel.on('error', () => undefined)
    if (this.#input === undefined) {
      if (stdin !== undefined && !(stdin instanceof Readable)) channel.write(stdin)
      end()
      return
    }
    const { stream, broken } = this.#input
    void broken.then(() => this.stop(inputBroke(this.name, this.#input?.error())))
    // A command may end without reading all of its input; only its exit code says whether that was a failure.
    pipeline(stream, channel, { end: false }).then(end, (error: unknown) => {
      this.#unread = error
    })
  }

  #kill(opened: OpenChannel): void {
    this.#killed = kill(this.#connection, opened, this.#told.promise)
    void this.#killed.then(() => this.#gaveUp.resolve(never))
  }

  readonly #timeOut = (): void => {
    const reason = `${this.name} did not end in ${this.#request.timeoutMs} ms`
    this.stop({ code: 'COMMAND_TIMED_OUT', reason })
  }

  readonly #abort = (): void => this.stop({ error: this.#request.signal?.reason })
}

function inputBroke(name: string, cause: unknown): StopReason {
  return {
    code: 'TRANSFER_FAILED',
    reason: `the input of ${name} broke off: ${messageOf(cause)}`,
    cause,
  }
}
