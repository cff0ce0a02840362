/** Ends an exhaustive switch: adding a member to the union breaks the build here. */
export function assertNever(value: never, where: string): never {
  throw new TypeError(`${where}: unhandled case ${JSON.stringify(value)}`)
}
