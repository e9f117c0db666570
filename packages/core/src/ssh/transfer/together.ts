/**
 * Waits for the end of all, also when some fail: none goes on behind the back of whoever hears of it. The first
 * failure stops the others.
 */
export async function together<T>(
  works: readonly Promise<T>[],
  stop: AbortController,
): Promise<T[]> {
  const results = await Promise.allSettled(
    works.map((work) =>
      work.catch((error: unknown) => {
        stop.abort(error)
        throw error
      }),
    ),
  )
  // The others failed because of it.
  stop.signal.throwIfAborted()
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
}
