/**
 * Optimistic edits: fields that are shown before the program has answered. An answer applies only to the fields of its
 * own edit, and never over a newer edit of the same field. A refusal rolls back only the fields of its own edit.
 */
export class PendingEdits<Fields extends object> {
  /** What to show of a field once no edit of it is on its way. */
  readonly #kept = new Map<keyof Fields, { readonly value: Fields[keyof Fields]; readonly edit: number }>()
  readonly #pending = new Map<number, Partial<Fields>>()
  #count = 0

  get isEmpty(): boolean {
    return this.#pending.size === 0
  }

  /** Notes an edit that is on its way; `current` is what is shown now. Returns its number. */
  begin(patch: Partial<Fields>, current: Fields): number {
    const edit = (this.#count += 1)
    for (const name of namesOf(patch))
      if (!this.#isPending(name)) this.#kept.set(name, { value: current[name], edit: 0 })
    this.#pending.set(edit, patch)
    return edit
  }

  /** Returns the fields to show after the program took the edit and answered with these values. */
  accept(edit: number, answer: Fields): Partial<Fields> {
    for (const name of this.#namesOf(edit)) {
      const kept = this.#kept.get(name)
      if (!kept || kept.edit < edit) this.#kept.set(name, { value: answer[name], edit })
    }
    return this.#end(edit)
  }

  /** Returns the fields to show after the program refused the edit. */
  refuse(edit: number): Partial<Fields> {
    return this.#end(edit)
  }

  /** A value that was fetched, with the edits on their way over it. */
  over<Value extends Fields>(fetched: Value): Value {
    let shown = fetched
    for (const [edit, patch] of this.#pending) {
      for (const name of namesOf(patch)) {
        const kept = this.#kept.get(name)
        // An answer to an edit that follows this one may be newer than what was fetched.
        if (!kept || kept.edit < edit) this.#kept.set(name, { value: fetched[name], edit: kept?.edit ?? 0 })
      }
      shown = { ...shown, ...patch }
    }
    return shown
  }

  #namesOf(edit: number): readonly (keyof Fields)[] {
    return namesOf(this.#pending.get(edit) ?? {})
  }

  #isPending(name: keyof Fields): boolean {
    return [...this.#pending.values()].some((patch) => name in patch)
  }

  #end(edit: number): Partial<Fields> {
    const shown: Partial<Fields> = {}
    const names = this.#namesOf(edit)
    this.#pending.delete(edit)
    for (const name of names) {
      const newest = [...this.#pending.values()].findLast((patch) => name in patch)
      const kept = this.#kept.get(name)
      if (newest && name in newest) shown[name] = newest[name]
      else if (kept) {
        shown[name] = kept.value
        this.#kept.delete(name)
      }
    }
    return shown
  }
}

function namesOf<Fields extends object>(patch: Partial<Fields>): readonly (keyof Fields)[] {
  return Object.keys(patch) as (keyof Fields)[]
}
