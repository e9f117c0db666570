/** Vitest's report shows the message of an error and the code it came from; ours must be readable that way. */

// Of the packages as they are installed, and as they lie in the repository.
const ours = /[/\\](?:@benchaway|packages)[/\\](?:core|vitest-plugin)[/\\](?:dist|src)[/\\]/

/**
 * Puts the hint of an error behind its message and leaves our own frames out of its stack.
 *
 * @param site where the user called us, if the stack of the error does not lead there
 * @returns the error itself
 */
export function reportable<T>(error: T, site?: Error): T {
  if (!(error instanceof Error)) return error
  const frames = framesOf(error).filter((line) => !ours.test(line))
  if (site !== undefined && !frames.some((line) => isOfUser(line))) {
    frames.push(...framesOf(site).filter((line) => !ours.test(line)))
  }
  const hint: unknown = 'hint' in error ? error.hint : undefined
  if (typeof hint === 'string' && !error.message.includes(hint)) error.message += `\n${hint}`
  error.stack = [`${error.name}: ${error.message}`, ...frames].join('\n')
  return error
}

function framesOf({ stack = '' }: Error): string[] {
  return stack.split('\n').filter((line) => /^\s+at /.test(line))
}

function isOfUser(line: string): boolean {
  // Such as `at async Promise.all (index 0)`, which is of nobody.
  return /:\d+:\d+\)?$/.test(line) && !/node:|[/\\]node_modules[/\\]/.test(line)
}
