import type { Stage } from './answer.ts'

/** Says at once what of the question may be stored. Everything of it, until a stage before this one masks it. */
export const accept: Stage = (next) => ({
  async *answer(ask, signal) {
    const question = ask.input.kind === 'chat' ? (ask.input.messages.at(-1)?.content ?? null) : null
    yield { kind: 'accepted', question }
    yield* next.answer(ask, signal)
  },
})
