import type { RuleState } from './rule.ts'

/** Where a called rule returns to; null below the root. */
export type Caller = Frame | null

/** A caller and its callers. Equal stacks of callers are the same object. */
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

  /** The frame of a call from this one. */
  callee(state: RuleState): Frame {
    let frame = this.#callees.get(state)
    if (frame === undefined) {
      frame = this.#stacks.frame(state, this)
      this.#callees.set(state, frame)
    }
    return frame
  }
}

/** One reading of the text so far: a state and the callers it returns to. */
export interface Thread {
  readonly state: RuleState
  readonly caller: Caller
}

/** All readings of the text so far. */
export interface Configuration {
  readonly threads: readonly Thread[]
  /** The text is complete. */
  readonly ended: boolean
}

/**
 * Readings kept at once: definitions that contain each other and look alike can have exponentially many. Dropping some
 * allows fewer texts, but no wrong one, since each remaining reading can be completed.
 */
const MAX_THREADS = 64

/** The call stacks of one text. */
export class Stacks {
  readonly #rootCalls = new Map<RuleState, Frame>()
  #frames = 0

  frame(state: RuleState, caller: Caller): Frame {
    return new Frame(this, state, caller, (this.#frames += 1))
  }

  /** All readings at `entry`, before anything is read. */
  begin(entry: RuleState): Configuration {
    const gathered = new Gathered(null)
    this.#enter(entry, null, gathered)
    return gathered
  }

  /**
   * The readings after one byte; null when none accepts it.
   * @param floor readings that return to this caller have ended.
   */
  step(configuration: Configuration, byte: number, floor: Caller = null): Configuration | null {
    const gathered = new Gathered(floor)
    for (const { state, caller } of configuration.threads) {
      const next = state.next(byte)
      if (next !== null) this.#enter(next, caller, gathered)
    }
    return gathered.threads.length > 0 || gathered.ended ? gathered : null
  }

  /** Readings after a called rule has ended. */
  resume(caller: Caller): Configuration {
    const gathered = new Gathered(null)
    this.#return(caller, gathered)
    return gathered
  }

  /**
   * The readings after one token; null when none accepts it. Each reading continues on its own, first within its rule
   * and then, wherever that ends, in its callers. token-masks.ts walks the vocabulary in the same order, so that both
   * drop the same readings, and a token allowed by a mask is never refused here.
   */
  read({ threads }: Configuration, bytes: Uint8Array): Configuration | null {
    const gathered = new Gathered(null)
    for (const thread of threads) {
      let own: Configuration | null = { threads: [thread], ended: false }
      for (let at = 0; at < bytes.length && own !== null; at += 1) {
        own = this.step(own, bytes[at] as number, thread.caller)
        if (own?.ended === true) gathered.addAll(this.#readOn(this.resume(thread.caller), bytes, at + 1))
      }
      if (own !== null) gathered.addAll({ threads: own.threads, ended: false })
    }
    return gathered.threads.length > 0 || gathered.ended ? gathered : null
  }

  /** All readings from this byte of the token to its end. */
  #readOn(from: Configuration, bytes: Uint8Array, start: number): Configuration | null {
    let configuration: Configuration | null = from
    for (let at = start; at < bytes.length && configuration !== null; at += 1)
      configuration = this.step(configuration, bytes[at] as number)
    return configuration
  }

  #enter(state: RuleState, caller: Caller, gathered: Gathered): void {
    if (!gathered.add(state, caller)) return
    for (const { entry, back } of state.calls) {
      // A call at the end of a rule returns directly to its caller.
      const onlyReturns = back.ends && !back.hasBytes && back.calls.length === 0
      this.#enter(entry, onlyReturns ? caller : this.#call(back, caller), gathered)
    }
    if (state.ends) this.#return(caller, gathered)
  }

  #return(caller: Caller, gathered: Gathered): void {
    if (caller === null || caller === gathered.floor) gathered.ended = true
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

/** Whether everything is allowed from here on. */
export function isFree({ threads }: Configuration): boolean {
  for (const { state, caller } of threads) if (state.free && caller === null) return true
  return false
}

class Gathered implements Configuration {
  readonly threads: Thread[] = []
  /** The caller at which these readings end. */
  readonly floor: Caller
  ended = false
  /** States without bytes of their own; remembered so that a cycle of calls is walked once. */
  #passed: Thread[] | null = null

  constructor(floor: Caller) {
    this.floor = floor
  }

  addAll(more: Configuration | null): void {
    if (more === null) return
    for (const { state, caller } of more.threads) this.add(state, caller)
    this.ended ||= more.ended
  }

  /** False when the reading is known or the limit is reached. */
  add(state: RuleState, caller: Caller): boolean {
    const known = state.hasBytes ? this.threads : (this.#passed ??= [])
    if (known.length >= MAX_THREADS) return false
    for (const thread of known) if (thread.state === state && thread.caller === caller) return false
    known.push({ state, caller })
    return true
  }
}
