/**
 * Whether greedy replies are identical, token for token, alone, batched, chunked, behind a cached prefix and with
 * speculation. On the demo model, and on a random checkpoint with all layers active, in float32 and in int4.
 *
 *   npm run identity [-- --shape 0.5b|tiny]
 *
 * Kernels for one row and for many rows round differently. Where the two best logits of the plain reply differ by less
 * than 1e-3, another token is allowed; it is counted, and the rest of that reply is not compared. int4 rounds the
 * activations to 8 bits in each of 24 layers, and a difference in the last bit grows to several percent of a logit:
 * these differences are printed with the lead of the plain token and have no target.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { loadEngine } from '../src/main/inference/load-engine.ts'
import { readGraphDescription } from '../src/main/inference/runtime/graph-description.ts'
import { loadTokenizer } from '../src/main/text/tokenizer.ts'
import { buildGraph } from '../src/main/workshop/build.ts'
import type { EngineLimits, GenerateRequest } from '../src/shared/contracts/engine.ts'
import { GRAPH_VERSION, type GraphDescription } from '../src/shared/contracts/graph.ts'
import { writeRandomCheckpoint, type Voices } from './peers/random-checkpoint.ts'
import { byteTokens, shapeNamed } from './peers/shape.ts'
import { seededRandom } from './seeded-random.ts'
import { atMost, keepResults, machine, printTable, type Row } from './table.ts'

const { values } = parseArgs({
  options: { shape: { type: 'string', default: '0.5b' }, job: { type: 'boolean', default: false } },
})
const shape = shapeNamed(values.shape)
const allowedLead = 1e-3
const replies = 8
const tokens = 32

interface Step {
  readonly id: number
  /** Natural log-probability of the best token minus that of the second, which is the difference of their logits. */
  readonly lead: number
}

interface Mode {
  readonly name: string
  readonly limits: Partial<EngineLimits>
  /** Concurrent requests. */
  readonly together: number
  readonly request: Partial<GenerateRequest>
  /** Sends each request twice, so that the prompt is cached. */
  readonly twice?: boolean
}

const plain: Mode = { name: 'plain', limits: { speculation: false }, together: 1, request: {} }
const modes: readonly Mode[] = [
  { ...plain, name: 'batched, 8 at once', together: replies },
  { ...plain, name: 'prompt in chunks of 16', limits: { speculation: false, prefillChunk: 16 } },
  { ...plain, name: 'prompt cached', request: { cacheScope: 'identity' }, twice: true },
  { ...plain, name: 'speculation', limits: {} },
  {
    ...plain,
    name: 'all of them',
    limits: { prefillChunk: 16 },
    together: 2,
    request: { cacheScope: 'identity' },
    twice: true,
  },
]

const random = seededRandom(7)
const someTokens = (count: number, vocabulary: number): number[] =>
  Array.from({ length: count }, () => byteTokens + Math.floor(random() * (vocabulary - byteTokens - 1)))

const demo = join(import.meta.dirname, '..', 'resources/models/demo')
/** As many as {@link replies}. */
const questions = [
  'Where is my order 20251103?',
  'How long do I have to return boots that do not fit?',
  'Do you ship to Spain, and what does it cost?',
  'The box arrived open and one cup is broken.',
  '我的包裹三天没有更新了，怎么办？',
  '你们支持货到付款吗？',
  '¿Puedo cambiar la talla después de comprar?',
  'Quiero hablar con una persona.',
]

type Prompts = readonly (readonly number[])[]

interface Job {
  readonly graph: string
  readonly mode: Mode
  readonly prompts: Prompts
}

interface Outcome {
  readonly replies: readonly (readonly Step[])[]
  readonly proposed: number
  readonly accepted: number
  readonly cached: number
}

/** Runs in its own process, because a session returns its memory only when the process ends. */
function runApart(graph: string, mode: Mode, prompts: Prompts): Outcome {
  const input = JSON.stringify({ graph, mode, prompts } satisfies Job)
  return JSON.parse(
    execFileSync(process.execPath, [import.meta.filename, '--shape', shape.name, '--job'], {
      input,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'inherit'],
      maxBuffer: 2 ** 26,
    }),
  ) as Outcome
}

async function run({ graph: graphDirectory, mode, prompts }: Job): Promise<Outcome> {
  const limits = {
    slots: replies,
    contextLength: 256,
    queueRequests: 64,
    queueTokens: 65_536,
    prefillChunk: 512,
    ...mode.limits,
  }
  const { engine } = await loadEngine({
    name: 'identity',
    graphDirectory,
    policy: { prefer: 'cpu', allowCpu: true },
    limits,
    threads: 0,
  })
  const all = new Map<string, Step[]>()
  let [proposed, accepted, cached] = [0, 0, 0]
  const ask = (ids: readonly number[]): void => {
    for (const index of ids) {
      all.set(String(index), [])
      engine.submit({
        requestId: String(index),
        promptIds: prompts[index]!,
        maxTokens: tokens,
        stopIds: [],
        logprobs: 2,
        promptLogprobs: null,
        cacheScope: null,
        client: 'identity',
        priority: 'batch',
        sampling: {
          temperature: 0,
          topP: 1,
          topK: 0,
          minP: 0,
          repetitionPenalty: 1,
          frequencyPenalty: 0,
          presencePenalty: 0,
          logitBias: {},
          seed: 1,
        },
        ...mode.request,
      })
    }
    while (engine.busy) {
      engine.step()
      for (const output of engine.takeOutputs()) {
        if (output.kind === 'failed') throw new Error(output.error.message)
        if (output.kind === 'tokens')
          all
            .get(output.requestId)!
            .push(...output.tokens.map(({ id, top }) => ({ id, lead: top![0]!.logprob - top![1]!.logprob })))
        if (output.kind !== 'done') continue
        proposed += output.drafted?.proposed ?? 0
        accepted += output.drafted?.accepted ?? 0
        cached += output.cachedTokens
      }
    }
  }
  for (let first = 0; first < replies; first += mode.together) {
    const group = Array.from({ length: mode.together }, (_, index) => first + index)
    for (let time = 0; time < (mode.twice === true ? 2 : 1); time += 1) ask(group)
  }
  return { replies: [...all.values()], proposed, accepted, cached }
}

/**
 * Tokens that agree up to the first difference of each reply, and the lead of the plain token at each first difference.
 */
function compare(
  expected: readonly (readonly Step[])[],
  found: readonly (readonly Step[])[],
): { readonly agreed: number; readonly leads: readonly number[] } {
  let agreed = 0
  const leads: number[] = []
  for (const [index, steps] of expected.entries()) {
    const first = steps.findIndex(({ id }, at) => found[index]![at]?.id !== id)
    agreed += first < 0 ? steps.length : first
    if (first >= 0) leads.push(steps[first]!.lead)
  }
  return { agreed, leads }
}

interface Model {
  readonly precision: GraphDescription['precision']
  /** Of a random checkpoint. */
  readonly voices: Voices | 'demo'
}

const models: readonly Model[] = [
  { precision: 'fp32', voices: 'demo' },
  { precision: 'int4', voices: 'demo' },
  { precision: 'fp32', voices: 'all' },
  { precision: 'int4', voices: 'all' },
  { precision: 'int4', voices: 'one' },
]
const speakers: Readonly<Record<Model['voices'], string>> = {
  demo: 'the demo model',
  all: `random ${shape.name}, all layers speak`,
  one: `random ${shape.name}, one layer speaks`,
}

/** Beginnings of the prompts: questions, or a few random tokens. */
function startsOf({ voices }: Model): Prompts {
  if (voices !== 'demo') return Array.from({ length: replies }, () => someTokens(9, shape.vocabulary))
  const { chat } = loadTokenizer(demo)
  return questions.map((content) => chat!.encode([{ role: 'user', content }]))
}

async function graphOf({ precision, voices }: Model): Promise<string> {
  const graph = join(
    import.meta.dirname,
    '.cache',
    voices === 'demo' ? 'demo-identity' : `${shape.name}-identity`,
    `${precision}-${voices}-v${GRAPH_VERSION}`,
  )
  mkdirSync(dirname(graph), { recursive: true })
  if (voices === 'demo') {
    // Small, and its weights change with the product, so it is built each time.
    rmSync(graph, { recursive: true, force: true })
    await buildGraph({ kind: 'build', source: demo, target: graph, precision }, () => undefined)
    return graph
  }
  if (existsSync(graph)) return graph
  const checkpoint = mkdtempSync(join(tmpdir(), 'switchboard-identity-'))
  try {
    console.error(`Making a random checkpoint of the ${shape.name} shape as ${precision}`)
    writeRandomCheckpoint(checkpoint, shape, voices)
    await buildGraph({ kind: 'build', source: checkpoint, target: graph, precision }, () => undefined)
  } finally {
    rmSync(checkpoint, { recursive: true })
  }
  return graph
}

async function compareAll(): Promise<void> {
  const rows: Row[] = []
  const figures: Record<string, unknown> = {}
  for (const model of models) {
    const graph = await graphOf(model)
    const name = `${model.precision}, ${speakers[model.voices]}`
    const { vocabularySize } = readGraphDescription(graph)
    const starts = startsOf(model)
    rows.push({ name, value: '' })
    // Each prompt ends as it began, so that a model that depends only on the last token quotes it.
    const written = runApart(graph, plain, starts)
    const prompts = starts.map((start, index) => [
      ...start,
      ...written.replies[index]!.map(({ id }) => id),
      ...someTokens(5 + 11 * index, vocabularySize),
      ...start,
    ])
    const expected = runApart(graph, plain, prompts)
    for (const mode of modes) {
      const found = runApart(graph, mode, prompts)
      const { agreed, leads } = compare(expected.replies, found.replies)
      const near = leads.filter((lead) => lead < allowedLead).length
      const parted =
        leads.length === 0
          ? ''
          : `; ${leads.length} replies part, ${near} where the lead is below ${allowedLead}, the largest at ${Math.max(...leads).toFixed(4)}`
      rows.push({
        name: `  ${mode.name}`,
        value: `${agreed} of ${replies * tokens} alike${parted}; ${found.cached} prompt tokens cached; ${found.accepted} of ${found.proposed} drafted accepted`,
        ...(model.precision === 'fp32' ? { target: atMost(leads.length - near, 0) } : {}),
      })
      figures[`${model.precision} ${model.voices} ${mode.name}`] = {
        agreed,
        leads,
        proposed: found.proposed,
        accepted: found.accepted,
        cached: found.cached,
      }
      console.error(`${name}: ${mode.name}`)
    }
  }
  printTable(`Greedy replies against plain decoding, ${replies} replies of ${tokens} tokens, ${machine()}`, rows)
  keepResults(`identity-${shape.name}`, rows, figures)
}

if (values.job) {
  // The runtime's threads keep the process alive.
  process.stdout.write(JSON.stringify(await run(JSON.parse(readFileSync(0, 'utf8')) as Job)), () => process.exit(0))
} else {
  await compareAll()
}
