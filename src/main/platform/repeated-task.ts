/**
 * Something that is done again and again, such as a look at a file. A failure of it goes to `onFailure` and no further,
 * and
 * is told once: again only after another one, or after a time when all was well.
 */
export function repeatedTask(
  work: () => void | Promise<void>,
  onFailure: (failure: unknown) => void,
): () => Promise<void> {
  let told: string | null = null
  return async () => {
    try {
      await work()
      told = null
    } catch (failure) {
      const text = String(failure)
      if (text === told) return
      told = text
      onFailure(failure)
    }
  }
}
