/** A fault in a JSON Schema. The caller adds the name of the request field. */
export class SchemaFault extends Error {
  /** Path in the schema, such as `properties.name.type`; empty for the schema itself. */
  readonly path: string

  constructor(path: string, message: string) {
    super(message)
    this.path = path
  }
}
