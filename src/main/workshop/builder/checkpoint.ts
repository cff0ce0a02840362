import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import type { ByteSource } from './byte-source.ts'
import { refuseSafetensors } from './refuse-safetensors.ts'
import { readSafetensorsHeader, type StoredTensor } from './safetensors-header.ts'
import { floatTypes, type FloatType } from './to-float32.ts'

/** A weight of known type and shape, and where its bytes are stored. */
export interface Weight {
  readonly name: string
  readonly type: FloatType
  readonly shape: readonly number[]
  readonly source: ByteSource
  readonly position: number
}

/** All tensors of a checkpoint, over one file or several shards, by name. */
export class Checkpoint {
  readonly #tensors: ReadonlyMap<string, { readonly tensor: StoredTensor; readonly source: ByteSource }>
  readonly #taken = new Set<string>()

  private constructor(tensors: ReadonlyMap<string, { readonly tensor: StoredTensor; readonly source: ByteSource }>) {
    this.#tensors = tensors
  }

  /**
   * Reads the headers of all shards. `placement` is the weight_map of the index file: which shard holds which tensor.
   *
   * @throws SwitchboardError invalid_safetensors, model_incompatible (index and shards disagree).
   */
  static async open(sources: readonly ByteSource[], placement?: ReadonlyMap<string, string>): Promise<Checkpoint> {
    const tensors = new Map<string, { tensor: StoredTensor; source: ByteSource }>()
    for (const source of sources) {
      for (const tensor of await readSafetensorsHeader(source)) {
        if (tensors.has(tensor.name))
          refuseSafetensors(source.name, 'duplicate', `tensor ${tensor.name} is in two files`, tensor.name)
        const expected = placement?.get(tensor.name)
        if (placement !== undefined && expected !== source.name) {
          throw new SwitchboardError(
            'model_incompatible',
            `${source.name} holds tensor ${tensor.name}, the index places it in ${expected ?? 'no file'}`,
            { details: { tensor: tensor.name } },
          )
        }
        tensors.set(tensor.name, { tensor, source })
      }
    }
    for (const [name, file] of placement ?? []) {
      if (!tensors.has(name))
        throw new SwitchboardError(
          'model_incompatible',
          `the index places tensor ${name} in ${file}, which does not hold it`,
          { details: { tensor: name, file } },
        )
    }
    return new Checkpoint(tensors)
  }

  /** Sum of the elements of all tensors. */
  get parameters(): number {
    let sum = 0
    for (const { tensor } of this.#tensors.values())
      sum += tensor.shape.reduce((product, extent) => product * extent, 1)
    return sum
  }

  /** Names and shapes of all tensors, whatever their type. */
  *tensors(): Iterable<Pick<StoredTensor, 'name' | 'shape'>> {
    for (const { tensor } of this.#tensors.values()) yield tensor
  }

  has(name: string): boolean {
    return this.#tensors.has(name)
  }

  /**
   * The weight of this name and shape. Marks it as used, see {@link refuseLeftovers}.
   * @throws SwitchboardError model_incompatible (missing, other shape), model_unsupported (not a float type).
   */
  take(name: string, shape: readonly number[]): Weight {
    const found = this.#tensors.get(name)
    if (found === undefined)
      throw new SwitchboardError('model_incompatible', `the weights lack tensor ${name}, which config.json implies`, {
        details: { tensor: name },
      })
    const { tensor, source } = found
    if (tensor.shape.length !== shape.length || tensor.shape.some((extent, axis) => extent !== shape[axis])) {
      const [wanted, got] = [shape.join(', '), tensor.shape.join(', ')]
      throw new SwitchboardError(
        'model_incompatible',
        `${source.name}: tensor ${name} has shape [${got}], config.json implies [${wanted}]`,
        { details: { tensor: name, expected: wanted, found: got } },
      )
    }
    const type = floatTypes.find((float) => float === tensor.type)
    if (type === undefined)
      throw new SwitchboardError(
        'model_unsupported',
        `${source.name}: tensor ${name} is stored as ${tensor.type}; F32, F16 and BF16 are supported`,
        { details: { tensor: name, type: tensor.type } },
      )
    this.#taken.add(name)
    return { name, type, shape, source, position: tensor.position }
  }

  /**
   * Refuses a checkpoint with unused tensors: they belong to a variant of the architecture that would be computed wrongly.
   * @throws SwitchboardError model_unsupported
   */
  refuseLeftovers(harmless: (name: string) => boolean): void {
    for (const name of this.#tensors.keys()) {
      if (this.#taken.has(name) || harmless(name)) continue
      throw new SwitchboardError('model_unsupported', `tensor ${name} is not part of this architecture`, {
        details: { tensor: name },
      })
    }
  }
}
