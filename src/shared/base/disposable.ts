/** Something acquired that has to be given back once; calling twice is harmless. */
export interface Disposable {
  dispose(): void | Promise<void>
}

/** Given back at once: there is nothing to wait for. */
export interface ImmediateDisposable extends Disposable {
  dispose(): void
}

/** Collects what an owner acquired and gives it back in reverse order; every member is tried even when one throws. */
export class DisposableStack implements Disposable {
  #members: Disposable[] = []

  add<Member extends Disposable>(member: Member): Member {
    this.#members.push(member)
    return member
  }

  defer(dispose: () => void | Promise<void>): void {
    this.#members.push({ dispose })
  }

  /** @throws AggregateError when one or more members failed, after all of them were tried. */
  async dispose(): Promise<void> {
    const members = this.#members.toReversed()
    this.#members = []
    const failures: unknown[] = []
    for (const member of members) {
      try {
        await member.dispose()
      } catch (failure) {
        failures.push(failure)
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'disposal failed')
  }
}
