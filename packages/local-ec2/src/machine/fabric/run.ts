import { execFile } from 'node:child_process'

/**
 * Runs a program to its end, with `input` on its standard input.
 *
 * @returns its standard output
 * @throws an `Error` whose message is the command's name and its standard error
 */
export function run(command: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new Error(`${command}: ${stderr.trim() || error.message}`, { cause: error }))
    })
    // The exit code tells; a program that does not read its input is no failure of its own.
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })
}
