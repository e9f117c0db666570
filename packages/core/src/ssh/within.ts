/** The first that comes, or undefined after `ms`. */
export async function within<T>(
  ms: number,
  promises: readonly Promise<T>[],
): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms)
  })
  try {
    return await Promise.race([...promises, limit])
  } finally {
    clearTimeout(timer)
  }
}
