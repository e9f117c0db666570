/** boto3 in a process of its own, driven call by call. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

const bridge = new URL('boto3_bridge.py', import.meta.url).pathname

// What boto3 answers is compared with `expect`, never computed with.
// oxlint-disable-next-line typescript/no-explicit-any -- what the client prints; each test says what it expects
export type Answer = any

type Service = 'ec2' | 'sts'
type Arguments = Record<string, unknown>

/** What AWS refused, as boto3's `ClientError` says it. */
export class ClientError extends Error {
  override readonly name = 'ClientError'
  readonly code: string
  readonly status: number

  constructor({ code, message, status }: { code: string; message: string; status: number }) {
    super(message)
    this.code = code
    this.status = status
  }
}

export class Boto3 implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>
  #turn: Promise<unknown> = Promise.resolve()

  constructor(python: string, env: NodeJS.ProcessEnv) {
    const child = spawn(python, [bridge], { env, stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child = child
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  }

  /** @param method in Python's spelling, such as `run_instances` */
  call(service: Service, method: string, args: Arguments = {}): Promise<Answer> {
    return this.#order({ kind: 'call', service, name: method, arguments: args, options: {} })
  }

  ec2(method: string, args?: Arguments): Promise<Answer> {
    return this.call('ec2', method, args)
  }

  /** Resolves when the waiter is satisfied; rejects if it saw a state from which that cannot be reached. */
  wait(waiter: string, args: Arguments): Promise<void> {
    const options = { Delay: 1, MaxAttempts: 30 }
    return this.#order({ kind: 'wait', service: 'ec2', name: waiter, arguments: args, options })
  }

  pages(method: string, args: Arguments, pageSize: number): Promise<Answer[]> {
    const options = { PageSize: pageSize }
    return this.#order({ kind: 'pages', service: 'ec2', name: method, arguments: args, options })
  }

  /** One after another: the bridge reads a line when it has answered the one before. */
  #order(order: object): Promise<Answer> {
    const answer = this.#turn.then(() => this.#ask(order))
    this.#turn = answer.catch(() => {})
    return answer
  }

  async #ask(order: object): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify(order)}\n`)
    const { value, done } = await this.#lines.next()
    if (done === true) throw new Error('boto3 ended')
    const answer: Answer = JSON.parse(value)
    if (answer.error !== undefined) throw new ClientError(answer.error)
    if (answer.fault !== undefined) throw new Error(answer.fault)
    return answer.result
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.stdin?.end()
    await ended
  }
}
