/**
 * Whether a text may name a model: 1 to 64 letters, digits, dots, dashes or underscores, starting with a letter
 * or digit. The error `invalid_name` states the same rule to people.
 */
export function isPlainName(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text)
}
