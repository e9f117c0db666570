/** The `aws` command line, each command a process of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

// What it answers is compared with `expect`, never computed with.
// oxlint-disable-next-line typescript/no-explicit-any -- what the client prints; each test says what it expects
export type Answer = any

/** A command line: words at its spaces, save for those within a value; a list is as many words. */
type CommandLine = [text: TemplateStringsArray, ...values: (string | readonly string[])[]]

export function words(...[{ raw }, ...values]: CommandLine): string[] {
  const line = raw.map((part, index) => (index === 0 ? part : `{{${index - 1}}}${part}`)).join('')
  return line
    .trim()
    .split(/\s+/)
    .flatMap((word) => {
      const [, alone] = /^\{\{(\d+)\}\}$/.exec(word) ?? []
      if (alone !== undefined) return values[Number(alone)] ?? []
      return word.replace(/\{\{(\d+)\}\}/g, (_, index) => String(values[Number(index)]))
    })
}

export class AwsCli {
  readonly #python: string
  readonly #env: NodeJS.ProcessEnv

  constructor(python: string, env: NodeJS.ProcessEnv) {
    this.#python = python
    this.#env = env
  }

  /** The JSON of `aws ec2 …`, or `undefined` if it printed nothing. */
  ec2(...line: CommandLine): Promise<Answer> {
    return this.#json('ec2', ...words(...line))
  }

  /** The JSON of `aws sts …`. */
  sts(...line: CommandLine): Promise<Answer> {
    return this.#json('sts', ...words(...line))
  }

  /** What `aws ec2 … --output text` printed, without the end of the line. */
  async word(...line: CommandLine): Promise<string> {
    return (await this.#succeed('--output', 'text', 'ec2', ...words(...line))).trimEnd()
  }

  /** What `aws ec2 …` ends with and says when it is refused: 255 with every version 1 of it. */
  async refusal(...line: CommandLine): Promise<string> {
    const { code, stderr } = await this.#run('ec2', ...words(...line))
    return `${code}: ${stderr.trim()}`
  }

  async #json(...command: string[]): Promise<Answer> {
    const stdout = await this.#succeed('--output', 'json', ...command)
    return stdout === '' ? undefined : JSON.parse(stdout)
  }

  async #succeed(...command: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#run(...command)
    if (code !== 0) throw new Error(`aws ${command.join(' ')} ended with ${code}: ${stderr.trim()}`)
    return stdout
  }

  async #run(...command: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    const child = spawn(this.#python, ['-m', 'awscli', ...command], {
      env: this.#env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ])
    return { code, stdout, stderr }
  }
}
