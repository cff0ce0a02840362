/** A resource that has to be released once; releasing it twice is harmless. */
export interface Disposable {
  dispose(): void | Promise<void>
}

/** A resource whose release is synchronous. */
export interface ImmediateDisposable extends Disposable {
  dispose(): void
}

/** The resources of one owner, released in reverse order. All are released even if one throws. */
export class DisposableStack implements Disposable {
  #members: Disposable[] = []

  add<Member extends Disposable>(member: Member): Member {
    this.#members.push(member)
    return member
  }

  defer(dispose: () => void | Promise<void>): void {
    this.#members.push({ dispose })
  }

  /** @throws AggregateError of the members that failed, after all were released. */
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
