import { median, quantile } from '../statistics.ts'
import type { StreamedReply } from '../streams.ts'
import { streams, type Engines } from './engines.ts'
import { idsOfText } from './shape.ts'
import { decodeRate, fullBatchRate, gapsMs, tokenTimes, ttftMs, type TokenTimes } from './token-times.ts'

/** What one round measured; rates in tokens per second, times in ms. */
export interface Round {
  bandwidthBytesPerSecond: number
  bare256: number
  /** The same once more at the end of the round: what changed is the machine. */
  bare256Again: number
  ours256: number
  llama256: number
  ours1900: number
  jsApi1900: number
  oursPrefill1024: number
  llamaPrefill1024: number
  oursBatch: number
  llamaBatch: number
  /** One stream behind the prompt of the many. */
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
/** Replies behind 256 tokens that a round measures of each engine. */
const shortReplies = 3
/**
 * Tokens of a quoted text that lead into it, and those that the reply writes: the most, and the fewest that are worth
 * timing.
 */
const leadTokens = 8
const quotedTokens = 128
const fewestQuoted = 24
const batchPrompt = 64
/** Tokens of each of many replies; more where the last stream begins after the first one has ended. */
const batchTokens = [64, 176] as const

/**
 * One round of everything. Of each pair the one that goes first changes with the round, so that a clock that falls
 * under
 * load favours nobody.
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
  // Most rows are compared with these, and a reply of two seconds catches one mood of the machine.
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

/** A prompt of 512 tokens arrives while 8 streams decode: what they feel of it, and what it feels of them. */
async function arrivalDuringDecode(engines: Engines): Promise<Arrival> {
  const aloneTtftMs = (await engines.ours(engines.prompt(512), 2)).ttftMs
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const arrival = await arriveOnce(engines)
    if (arrival !== null) return { ...arrival, aloneTtftMs }
  }
  throw new RangeError('the prompt never arrived while all eight decoded')
}

/** null where it came before all eight had begun or was answered after the first of them had ended. */
async function arriveOnce({ prompt, ours }: Engines): Promise<Omit<Arrival, 'aloneTtftMs'> | null> {
  // How long it takes until all eight have begun, from a short run of the same.
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
  // All gaps of the eight while all of them decode, those without the prompt included.
  const gaps = times.flatMap((stream) =>
    gapsMs({
      startedMs: stream.startedMs,
      tokenMs: stream.tokenMs.filter((at) => at >= allBegunMs && at <= firstEndMs),
    }),
  )
  return { stallMedianMs: median(gaps), stallP99Ms: quantile(gaps, 0.99), stallTtftMs: late.ttftMs }
}

/** A conversation of 1500 tokens, its reply, and a next question of 32 tokens behind both. */
async function secondTurn({
  prompt,
  ours,
}: Engines): Promise<Pick<Round, 'firstTurnMs' | 'secondTurnMs' | 'secondTurnCached'>> {
  const conversation = prompt(1500)
  const first = await ours(conversation, 32)
  const second = await ours([...conversation, ...idsOf(first), ...prompt(32)], 8)
  return { firstTurnMs: first.ttftMs, secondTurnMs: second.ttftMs, secondTurnCached: second.cachedTokens }
}

/** The prompt holds a text that the model goes on to write again (see random-checkpoint.ts). */
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
 * Replies that are looked through: of the 0.5b shape one in ten does not go in circles within its length, and most go
 * far.
 */
const walks = 20

/**
 * The longest that the model writes by itself without coming back to a token: one that goes in circles would quote
 * itself.
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
