import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Disposable } from '../../shared/base/disposable.ts'
import { graphFiles } from '../../shared/contracts/graph.ts'
import { mapByMatrix } from '../../shared/domain/by-matrix.ts'
import type { Precision } from '../../shared/domain/generation.ts'
import { loadEngine } from '../inference/load-engine.ts'
import { loadOrtApi } from '../inference/ort/api.ts'
import { findOrtLibrary } from '../inference/ort/library.ts'
import { OrtEnvironment, OrtSession } from '../inference/ort/session.ts'
import { Decoder } from '../inference/runtime/decoder.ts'
import { logSumExp } from '../inference/sampling/log-probabilities.ts'
import { buildGraph } from '../workshop/build.ts'
import type { MatrixEncodings } from '../workshop/builder/matrix-encoding.ts'
import { encodingsOf } from '../workshop/encodings.ts'

/** Receives the log-probabilities [vocabulary] after the token at `position`. */
export type OnRow = (position: number, logProbabilities: Float32Array) => void

/** Allowed difference from the reference, float32, over whole sequences. */
export const LARGEST_DIFFERENCE = 1e-3

export const SLOTS = 4

/** A tiny checkpoint and the results of the reference for a sequence of ids. */
export interface Reference {
  readonly source: string
  readonly ids: readonly number[]
  /** Log-probabilities [ids.length, vocabulary]. */
  readonly expected: Float32Array
  readonly vocabulary: number
}

/** Written by tools/parity/freeze.py. */
export function readReference(name: string): Reference {
  const source = join(import.meta.dirname, 'fixtures', name)
  const { ids } = JSON.parse(readFileSync(join(source, 'expected.json'), 'utf8')) as { ids: readonly number[] }
  const bytes = readFileSync(join(source, 'expected.f32'))
  const expected = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
  return { source, ids, expected, vocabulary: expected.length / ids.length }
}

/** The same codes computed without rounding of activations, so that only the weights are rounded. */
export function withFullActivations(encodings: MatrixEncodings | null): MatrixEncodings | null {
  return encodings && mapByMatrix(encodings, (encoding) => encoding && { ...encoding, accuracyLevel: 1 as const })
}

/** A graph built from a Hugging Face folder and loaded by the real runtime on the CPU. */
export class ParityRun implements Disposable {
  readonly decoder: Decoder
  readonly #directory: string

  private constructor(decoder: Decoder, directory: string) {
    this.decoder = decoder
    this.#directory = directory
  }

  static async of(
    source: string,
    precision: Precision = 'fp32',
    encodings: MatrixEncodings | null = encodingsOf(precision),
  ): Promise<ParityRun> {
    const directory = await mkdtemp(join(tmpdir(), 'switchboard-parity-'))
    const graphDirectory = join(directory, 'graph')
    await buildGraph({ kind: 'build', source, target: graphDirectory, precision }, () => undefined, encodings)
    return ParityRun.over(graphDirectory)
  }

  /** Loads a built graph; disposing removes its folder. */
  static async over(graphDirectory: string): Promise<ParityRun> {
    const limits = { slots: SLOTS, contextLength: 1024, queueRequests: 1, queueTokens: 1024, prefillChunk: 64 }
    const { decoder } = await loadEngine({
      name: 'parity',
      graphDirectory,
      policy: { prefer: 'cpu', allowCpu: true },
      limits,
      threads: 2,
    })
    return new ParityRun(decoder, dirname(graphDirectory))
  }

  /**
   * Loads the float16 graph on the CPU, which the product uses on cards only, to test its arithmetic without a card.
   */
  static async ofHalves(
    source: string,
    precision: Precision,
    encodings: MatrixEncodings | null = encodingsOf(precision),
  ): Promise<ParityRun> {
    const directory = await mkdtemp(join(tmpdir(), 'switchboard-parity-'))
    const graphDirectory = join(directory, 'graph')
    const description = await buildGraph(
      { kind: 'build', source, target: graphDirectory, precision },
      () => undefined,
      encodings,
    )
    const session = OrtSession.load(
      new OrtEnvironment(loadOrtApi(findOrtLibrary())),
      join(graphDirectory, graphFiles.float16),
      { threads: 2, provider: { kind: 'cpu' } },
    )
    return new ParityRun(
      new Decoder(session, {
        description,
        floats: 'float16',
        provider: 'cpu',
        slots: SLOTS,
        maxLength: description.maxPositions,
        prefillChunk: 64,
        scoreRows: 64,
      }),
      directory,
    )
  }

  /** The prompt in chunks, every position scored. */
  prefill(ids: readonly number[], chunk: number, onRow: OnRow, slot = 0): void {
    this.decoder.reset(slot)
    for (let start = 0; start < ids.length; start += chunk) {
      const count = Math.min(chunk, ids.length - start)
      this.decoder.prefill(slot, ids, start, count, 'all')
      for (let row = 0; row < count; row++) onRow(start + row, this.#logProbabilities(row))
    }
  }

  /** One token per step from the first on. */
  decode(ids: readonly number[], onRow: OnRow, slot = 1): void {
    this.decoder.reset(slot)
    for (const [position, id] of ids.entries()) {
      this.decoder.decode(slot, [id])
      onRow(position, this.#logProbabilities(0))
    }
  }

  /**
   * Decodes the same sequence in all slots at once, each starting at another position, so that the rows differ in
   * length.
   */
  decodeRagged(ids: readonly number[], onRow: OnRow): void {
    const starts = Array.from({ length: SLOTS }, (_, slot) => 1 + slot * 5)
    for (const [slot, start] of starts.entries()) {
      this.decoder.reset(slot)
      this.decoder.prefill(slot, ids, 0, start, 'last')
    }
    for (let step = 0; step < ids.length - 1; step++) {
      // Finished rows are idle while the others continue.
      this.decoder.decode(
        0,
        starts.map((start) => ids[start + step] ?? null),
      )
      for (const [slot, start] of starts.entries())
        if (start + step < ids.length) onRow(start + step, this.#logProbabilities(slot))
    }
  }

  async dispose(): Promise<void> {
    this.decoder.dispose()
    await rm(this.#directory, { recursive: true, force: true })
  }

  #logProbabilities(row: number): Float32Array {
    const logits = this.decoder.logitRow(row)
    const normaliser = logSumExp(logits)
    return logits.map((logit) => logit - normaliser)
  }
}
