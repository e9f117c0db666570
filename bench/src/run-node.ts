import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Spawns Node and resolves with how long it took from spawn to exit, in milliseconds. */
export async function runNode(
  args: readonly string[],
  options: { cwd: string; env?: Record<string, string> },
): Promise<number> {
  const started = performance.now()
  const child = spawn(process.execPath, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  const [code] = await once(child, 'close')
  const took = performance.now() - started
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with exit code ${code}\n${output}`)
  return took
}
