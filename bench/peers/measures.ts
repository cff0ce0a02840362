import { median, quantile } from '../statistics.ts'
import type { StreamedReply } from '../streams.ts'
import { streams, type Engines } from './engines.ts'
import { idsOfText } from './shape.ts'
import { decodeRate, fullBatchRate, gapsMs, tokenTimes, ttftMs, type TokenTimes } from './token-times.ts'

/** What one round measured; rates in tokens per second, times in ms. */
export interface Round {
  bandwidthBytesPerSecond: number
  bare256: number
  /** The same again at the end of the round: a difference is machine noise. */
  bare256Again: number
  ours256: number
  llama256: number
  ours1900: number
  jsApi1900: number
  oursPrefill1024: number
  llamaPrefill1024: number
  oursBatch: number
  llamaBatch: number
  /** One stream with the prompt of the batched streams. */
  oursSingle: number
  stallMedianMs: number
  stallP99Ms: number
  stallTtftMs: number
  aloneTtftMs: number
  firstTurnMs: number
  secondTurnMs: number
  secondTurnCached: number
  quoteOff: number | null
  quoteOn: number | null
}

const decodeTokens = 96
/** Replies per engine and round with a prompt of 256 tokens. */
const shortReplies = 3
/**
 * For quoting replies: prompt tokens that lead into the quote, and the maximum and minimum length of the reply.
 */
const leadTokens = 8
const quotedTokens = 128
const fewestQuoted = 24
const batchPrompt = 64
/** Tokens per batched reply; the next size is used if the streams never all decode at once. */
const batchTokens = [64, 176] as const

/**
 * One round of all measurements. The order within each pair alternates from round to round, so that a falling CPU clock
 * favours neither.
 */
export async function measureRound(engines: Engines, round: number): Promise<Round> {
  const { prompt, llama, jsApi } = engines
  const ours = async (length: number, tokens: number): Promise<TokenTimes> =>
    tokenTimes(await engines.ours(prompt(length), tokens))
  const peer = async (from: typeof llama, length: number, tokens: number): Promise<TokenTimes> =>
    (await from.reply([prompt(length)], tokens))[0]!
  const result: Partial<Round> = {}
  const inTurn = async (...measures: readonly (() => Promise<void>)[]): Promise<void> => {
    for (let index = 0; index < measures.length; index += 1) await measures[(index + round) % measures.length]!()
  }

  result.bandwidthBytesPerSecond = await engines.bandwidth.measure()
  // Most rows are compared with these, and a single reply of two seconds would be too noisy.
  const at256 = { ours: [] as number[], llama: [] as number[], bare: [] as number[] }
  for (let again = 0; again < shortReplies; again += 1) {
    await inTurn(
      async () => {
        at256.ours.push(decodeRate(await ours(256, decodeTokens)))
      },
      async () => {
        at256.llama.push(decodeRate(await peer(llama, 256, decodeTokens)))
      },
      async () => {
        at256.bare.push(engines.bare(256, decodeTokens))
      },
    )
  }
  result.ours256 = median(at256.ours)
  result.llama256 = median(at256.llama)
  result.bare256 = median(at256.bare)
  await inTurn(
    async () => {
      result.ours1900 = decodeRate(await ours(1900, decodeTokens))
    },
    async () => {
      result.jsApi1900 = decodeRate(await peer(jsApi, 1900, decodeTokens / 2))
    },
  )
  await inTurn(
    async () => {
      result.oursPrefill1024 = (1024 / ttftMs(await ours(1024, 2))) * 1000
    },
    async () => {
      result.llamaPrefill1024 = (1024 / ttftMs(await peer(llama, 1024, 2))) * 1000
    },
  )
  await inTurn(
    async () => {
      result.oursBatch = await batchRate((tokens) =>
        Promise.all(Array.from({ length: streams }, () => ours(batchPrompt, tokens))),
      )
    },
    async () => {
      result.oursSingle = decodeRate(await ours(batchPrompt, decodeTokens))
    },
    async () => {
      result.llamaBatch = await batchRate((tokens) =>
        llama.reply(
          Array.from({ length: streams }, () => prompt(batchPrompt)),
          tokens,
        ),
      )
    },
  )
  Object.assign(
    result,
    await arrivalDuringDecode(engines),
    await secondTurn(engines),
    await quotedReply(engines, round),
  )
  result.bare256Again = engines.bare(256, decodeTokens)
  return result as Round
}

async function batchRate(reply: (tokens: number) => Promise<readonly TokenTimes[]>): Promise<number> {
  for (const tokens of batchTokens) {
    const rate = fullBatchRate(await reply(tokens))
    if (rate !== null) return rate
  }
  throw new RangeError(`${streams} streams of ${batchTokens.at(-1)} tokens never decoded all together`)
}

type Arrival = Pick<Round, 'stallMedianMs' | 'stallP99Ms' | 'stallTtftMs' | 'aloneTtftMs'>

/** A prompt of 512 tokens arrives while 8 streams decode: the gaps between their tokens, and the prompt's TTFT. */
async function arrivalDuringDecode(engines: Engines): Promise<Arrival> {
  const aloneTtftMs = (await engines.ours(engines.prompt(512), 2)).ttftMs
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const arrival = await arriveOnce(engines)
    if (arrival !== null) return { ...arrival, aloneTtftMs }
  }
  throw new RangeError('the prompt never arrived while all eight decoded')
}

/** null if it arrived before all eight had started, or was answered after the first had ended. */
async function arriveOnce({ prompt, ours }: Engines): Promise<Omit<Arrival, 'aloneTtftMs'> | null> {
  // A short run of the same tells how long it takes until all eight have started.
  const startedMs = performance.now()
  const short = await Promise.all(Array.from({ length: 8 }, () => ours(prompt(32), 8)))
  const begunMs = Math.max(...short.map(({ pieces }) => pieces.at(-1)!.atMs)) - startedMs
  const running = Array.from({ length: 8 }, () => ours(prompt(32), 128))
  await new Promise((resolve) => setTimeout(resolve, begunMs))
  const arrivedMs = performance.now()
  const late = await ours(prompt(512), 2)
  const times = (await Promise.all(running)).map(tokenTimes)
  const allBegunMs = Math.max(...times.map(({ tokenMs }) => tokenMs[0]!))
  const firstEndMs = Math.min(...times.map(({ tokenMs }) => tokenMs.at(-1)!))
  if (allBegunMs > arrivedMs || late.pieces[0]!.atMs > firstEndMs) return null
  // All gaps while all eight decode, with and without the prompt.
  const gaps = times.flatMap((stream) =>
    gapsMs({
      startedMs: stream.startedMs,
      tokenMs: stream.tokenMs.filter((at) => at >= allBegunMs && at <= firstEndMs),
    }),
  )
  return { stallMedianMs: median(gaps), stallP99Ms: quantile(gaps, 0.99), stallTtftMs: late.ttftMs }
}

/** A conversation of 1500 tokens, its reply, and then a question of 32 tokens. */
async function secondTurn({
  prompt,
  ours,
}: Engines): Promise<Pick<Round, 'firstTurnMs' | 'secondTurnMs' | 'secondTurnCached'>> {
  const conversation = prompt(1500)
  const first = await ours(conversation, 32)
  const second = await ours([...conversation, ...idsOf(first), ...prompt(32)], 8)
  return { firstTurnMs: first.ttftMs, secondTurnMs: second.ttftMs, secondTurnCached: second.cachedTokens }
}

/** The prompt contains a text that the model writes again (see random-checkpoint.ts). */
async function quotedReply(engines: Engines, round: number): Promise<Pick<Round, 'quoteOff' | 'quoteOn'>> {
  if (!engines.offersSpeculation) return { quoteOff: null, quoteOn: null }
  const { prompt, ours } = engines
  const text = await walk(engines)
  const measure = async (speculation: boolean): Promise<number> => {
    const reply = await ours(
      [...prompt(64), ...text, ...prompt(32), ...text.slice(0, leadTokens)],
      text.length - leadTokens,
      { speculation },
    )
    const written = idsOf(reply)
    if (written.some((id, index) => id !== text[leadTokens + index]))
      throw new RangeError('the reply does not quote its prompt')
    return decodeRate(tokenTimes(reply))
  }
  if (round % 2 === 0) {
    const off = await measure(false)
    return { quoteOff: off, quoteOn: await measure(true) }
  }
  const on = await measure(true)
  return { quoteOff: await measure(false), quoteOn: on }
}

/**
 * Candidate replies: with the 0.5b shape nine in ten reach a cycle within their length, most of them late.
 */
const walks = 20

/**
 * The longest reply without a repeated token; a reply with a cycle would quote itself.
 */
async function walk({ prompt, ours }: Engines): Promise<number[]> {
  let longest: number[] = []
  for (let attempt = 0; attempt < walks && longest.length < leadTokens + quotedTokens; attempt += 1) {
    const [seed] = prompt(1)
    const text = [seed!, ...idsOf(await ours([...prompt(15), seed!], leadTokens + quotedTokens - 1))]
    const circle = text.findIndex((id, index) => text.indexOf(id) < index)
    const straight = circle < 0 ? text : text.slice(0, circle)
    if (straight.length > longest.length) longest = straight
  }
  if (longest.length < leadTokens + fewestQuoted)
    throw new RangeError(
      `no reply of the random model writes ${leadTokens + fewestQuoted} tokens without going in circles`,
    )
  return longest
}

const idsOf = (reply: StreamedReply): number[] => idsOfText(reply.pieces.map(({ text }) => text).join(''))
