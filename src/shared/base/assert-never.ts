/** Ends an exhaustive switch: a new member of the union breaks the build here. */
export function assertNever(value: never, where: string): never {
  throw new TypeError(`${where}: unhandled case ${JSON.stringify(value)}`)
}
