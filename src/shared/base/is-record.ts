/** Whether a value is an object other than an array, such as JSON.parse returns for `{...}`. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
