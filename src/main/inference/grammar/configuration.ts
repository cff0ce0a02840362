import type { RuleState } from './rule.ts'

/** Where a called rule goes on when it ends; null below the root. */
export type Caller = Frame | null

/** A caller and its callers. The same stack of callers is always the same object. */
export class Frame {
  readonly state: RuleState
  readonly caller: Caller
  readonly number: number
  readonly #callees = new Map<RuleState, Frame>()
  readonly #stacks: Stacks

  constructor(stacks: Stacks, state: RuleState, caller: Caller, number: number) {
    this.#stacks = stacks
    this.state = state
    this.caller = caller
    this.number = number
  }

  /** The frame of a call made under this one. */
  callee(state: RuleState): Frame {
    let frame = this.#callees.get(state)
    if (frame === undefined) {
      frame = this.#stacks.frame(state, this)
      this.#callees.set(state, frame)
    }
    return frame
  }
}

/** Where one reading of the text so far stands: a state and the callers it returns to. */
export interface Thread {
  readonly state: RuleState
  readonly caller: Caller
}

/** All readings of the text so far. */
export interface Configuration {
  readonly threads: readonly Thread[]
  /** The text is complete as it is. */
  readonly ended: boolean
}

/**
 * Most readings kept at once; a schema whose alternatives look alike for long can have exponentially many. Leaving some out
 * allows fewer texts, never a wrong one: each of them can be completed by itself.
 */
const MOST_THREADS = 64

/** The stacks of one text. */
export class Stacks {
  readonly #rootCalls = new Map<RuleState, Frame>()
  #frames = 0

  frame(state: RuleState, caller: Caller): Frame {
    return new Frame(this, state, caller, (this.#frames += 1))
  }

  /** All readings that stand at `entry` before anything is read. */
  begin(entry: RuleState): Configuration {
    const gathered = new Gathered()
    this.#enter(entry, null, gathered)
    return gathered
  }

  /** After one byte; null when no reading takes it. */
  step(configuration: Configuration, byte: number): Configuration | null {
    const gathered = new Gathered()
    for (const { state, caller } of configuration.threads) {
      const next = state.next(byte)
      if (next !== null) this.#enter(next, caller, gathered)
    }
    return gathered.threads.length > 0 || gathered.ended ? gathered : null
  }

  /** Readings after a called rule has ended. */
  resume(caller: Caller): Configuration {
    const gathered = new Gathered()
    this.#return(caller, gathered)
    return gathered
  }

  #enter(state: RuleState, caller: Caller, gathered: Gathered): void {
    if (!gathered.add(state, caller)) return
    for (const { entry, back } of state.calls) {
      // A rule that ends with a call has no part in what follows it.
      const onlyReturns = back.ends && !back.hasBytes && back.calls.length === 0
      this.#enter(entry, onlyReturns ? caller : this.#call(back, caller), gathered)
    }
    if (state.ends) this.#return(caller, gathered)
  }

  #return(caller: Caller, gathered: Gathered): void {
    if (caller === null) gathered.ended = true
    else this.#enter(caller.state, caller.caller, gathered)
  }

  #call(back: RuleState, caller: Caller): Frame {
    if (caller !== null) return caller.callee(back)
    let frame = this.#rootCalls.get(back)
    if (frame === undefined) {
      frame = this.frame(back, null)
      this.#rootCalls.set(back, frame)
    }
    return frame
  }
}

class Gathered implements Configuration {
  readonly threads: Thread[] = []
  ended = false
  /** States that only call or end were passed through; they are remembered so that a cycle of calls is walked once. */
  #passed: Thread[] | null = null

  /** False when it is here already or there is no more room. */
  add(state: RuleState, caller: Caller): boolean {
    const known = state.hasBytes ? this.threads : (this.#passed ??= [])
    if (known.length >= MOST_THREADS) return false
    for (const thread of known) if (thread.state === state && thread.caller === caller) return false
    known.push({ state, caller })
    return true
  }
}
