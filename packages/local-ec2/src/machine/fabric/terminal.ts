import { spawn } from 'node:child_process'
import { Readable } from 'node:stream'

/** A terminal that nobody types at; what is written to it goes to a file descriptor. systemd takes no less for a console. */
export class Terminal {
  /** Such as `/dev/pts/3`. */
  readonly path: string
  readonly close: () => void

  private constructor(path: string, close: () => void) {
    this.path = path
    this.close = close
  }

  static async open(output: number): Promise<Terminal> {
    // `script` is what util-linux has for making a terminal; the program in it only keeps it open.
    const keeper = 'tty >&3; exec sleep infinity 3>&-'
    const args = ['--quiet', '--flush', '--command', keeper, '/dev/null']
    const child = spawn('script', args, { stdio: ['pipe', output, 'ignore', 'pipe'] })
    const said = child.stdio[3]
    const path = await new Promise<string>((resolve, reject) => {
      child.once('error', reject)
      if (!(said instanceof Readable)) return
      said.once('data', (bytes: Buffer) => resolve(String(bytes).trim()))
      said.once('end', () => reject(new Error('script made no terminal')))
    })
    return new Terminal(path, () => child.kill('SIGKILL'))
  }
}
