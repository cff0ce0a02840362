/**
 * Wraps a task that runs repeatedly, such as a check of a file. Failures go to `onFailure` and are never thrown. The
 * same failure is reported once, until a run succeeds or fails differently.
 */
export function repeatedTask(
  work: () => void | Promise<void>,
  onFailure: (failure: unknown) => void,
): () => Promise<void> {
  let reported: string | null = null
  return async () => {
    try {
      await work()
      reported = null
    } catch (failure) {
      const text = String(failure)
      if (text === reported) return
      reported = text
      onFailure(failure)
    }
  }
}
