import type {
  AttributeValue,
  GraphNode,
  Initialiser,
  OnnxGraph,
  TensorBytes,
  ValueDeclaration,
  ElementType,
} from './graph.ts'

/** Collects nodes and initialisers in order. Refuses a name that is taken, which ONNX would only report at load. */
export class GraphAssembly {
  readonly #nodes: GraphNode[] = []
  readonly #initialisers: Initialiser[] = []
  readonly #inputs: ValueDeclaration[] = []
  readonly #outputs: ValueDeclaration[] = []
  readonly #values = new Set<string>()
  readonly #nodeNames = new Set<string>()

  input(declaration: ValueDeclaration): string {
    this.#define(declaration.name)
    this.#inputs.push(declaration)
    return declaration.name
  }

  /** Declares a value that a node produces as an output of the graph. */
  output(declaration: ValueDeclaration): void {
    this.#outputs.push(declaration)
  }

  /** Adds a weight that is streamed into the external data file; returns its name. */
  weight(name: string, type: ElementType, dimensions: readonly number[], bytes: TensorBytes): string {
    this.#define(name)
    this.#initialisers.push({ kind: 'external', name, type, dimensions, bytes })
    return name
  }

  /** The bytes of the weight `of` under another name and shape; returns its name. */
  view(name: string, of: string, type: ElementType, dimensions: readonly number[]): string {
    this.#define(name)
    this.#initialisers.push({ kind: 'view', name, type, dimensions, of })
    return name
  }

  /** Adds a small constant of 64-bit integers (shapes, axes, split sizes); returns its name. */
  integers(name: string, values: readonly number[]): string {
    this.#define(name)
    const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer)
    this.#initialisers.push({ kind: 'inline', name, type: 'int64', dimensions: [values.length], bytes })
    return name
  }

  /**
   * Adds a node named by its path. Without `outputs` it has one, called `<name>/output_0`; returns the first output.
   * @throws Error when the node or one of its outputs has a name that is taken, or an input does not exist yet.
   */
  node(
    name: string,
    operator: string,
    inputs: readonly string[],
    options: {
      readonly domain?: GraphNode['domain']
      readonly outputs?: readonly string[]
      readonly attributes?: Readonly<Record<string, AttributeValue>>
    } = {},
  ): string {
    if (this.#nodeNames.has(name)) throw new Error(`node ${name} exists already`)
    this.#nodeNames.add(name)
    for (const input of inputs)
      if (input !== '' && !this.#values.has(input)) throw new Error(`node ${name}: input ${input} does not exist`)
    const outputs = options.outputs ?? [`${name}/output_0`]
    for (const output of outputs) if (output !== '') this.#define(output)
    this.#nodes.push({
      name,
      operator,
      domain: options.domain ?? '',
      inputs,
      outputs,
      attributes: options.attributes ?? {},
    })
    return outputs[0] ?? ''
  }

  finish(name: string, producer: string, operatorSets: OnnxGraph['operatorSets']): OnnxGraph {
    for (const { name: output } of this.#outputs)
      if (!this.#values.has(output)) throw new Error(`output ${output} is produced by no node`)
    return {
      name,
      producer,
      operatorSets,
      nodes: this.#nodes,
      initialisers: this.#initialisers,
      inputs: this.#inputs,
      outputs: this.#outputs,
    }
  }

  #define(name: string): void {
    if (this.#values.has(name)) throw new Error(`value ${name} exists already`)
    this.#values.add(name)
  }
}

export const int = (value: number): AttributeValue => ({ kind: 'int', value })
export const elementType = (value: ElementType): AttributeValue => ({ kind: 'type', value })
export const float = (value: number): AttributeValue => ({ kind: 'float', value })
