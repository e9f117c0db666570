import { CleanStream } from '../host/terminal.ts'

// What a runaway loop prints in a second would bury the report.
const maxPrinted = 1024 * 1024
const maxLine = 16_384
const lastLines = 20

/** What the functions on a machine print: shown here line by line, and its end kept for errors. */
export class RemoteOutput {
  readonly #clean = new CleanStream()
  #rest = ''
  #printed = 0
  #last: string[] = []

  write(chunk: Buffer): void {
    this.#take(this.#clean.write(chunk))
  }

  end(): void {
    this.#take(this.#clean.end())
    if (this.#rest !== '') this.#print(this.#rest)
    this.#rest = ''
  }

  /** The last lines. */
  get tail(): string {
    return this.#last.join('\n')
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    if (this.#rest.length > maxLine) {
      lines.push(this.#rest)
      this.#rest = ''
    }
    for (const line of lines) this.#print(line.slice(0, maxLine))
  }

  #print(line: string): void {
    this.#last = [...this.#last.slice(1 - lastLines), line]
    if (this.#printed > maxPrinted) return
    this.#printed += line.length + 1
    console.log(
      this.#printed > maxPrinted ? 'more than 1 MiB was printed; the rest is left out' : line,
    )
  }
}
