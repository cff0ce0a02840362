/** A key as it may be shown: never the secret itself, which is only returned once, at creation. */
export interface ApiKey {
  readonly id: string
  readonly name: string
  /** First characters, so that a person can tell keys apart. */
  readonly prefix: string
  readonly createdAt: number
  readonly lastUsedAt: number | null
  readonly revokedAt: number | null
  /** Every request with this key is answered by this assistant, whatever model it names; null leaves the choice. */
  readonly assistantId: string | null
}

/** Whether a text may name a key: 1 to 64 letters and digits of any script, spaces inside, dots, dashes, underscores. */
export function isKeyName(text: string): boolean {
  return text === text.trim() && /^[\p{L}\p{M}\p{Nd} ._-]{1,64}$/u.test(text)
}

/** Whose key a request carries. */
export interface Principal {
  /** Id of the key; `console` for the window's own secret. */
  readonly id: string
  readonly name: string
  /** See {@link ApiKey.assistantId}. */
  readonly assistantId: string | null
}
