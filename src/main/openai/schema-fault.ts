/** What is wrong with a schema, and where; the field's own name is the caller's to add. */
export class SchemaFault extends Error {
  /** Path within the schema, such as `properties.name.type`; empty for the schema itself. */
  readonly path: string

  constructor(path: string, message: string) {
    super(message)
    this.path = path
  }
}
