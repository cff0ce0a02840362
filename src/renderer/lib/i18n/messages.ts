import type { en } from './en.ts'

export type Widened<Value> = Value extends string
  ? string
  : Value extends readonly unknown[]
    ? readonly [string, string, string]
    : { readonly [Key in keyof Value]: Widened<Value[Key]> }

/** The shape of a complete language: the keys of English, texts of any content. */
export type Messages = Widened<typeof en>
