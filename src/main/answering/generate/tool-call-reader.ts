import { toolCallText } from '../../text/tool-text.ts'

/** A reply's text taken apart into words for the customer and calls of tools. */
export type ReplyPart<Token> =
  | { readonly kind: 'content'; readonly text: string; readonly tokens: readonly Token[] }
  | { readonly kind: 'call'; readonly index: number; readonly name: string }
  | { readonly kind: 'arguments'; readonly index: number; readonly text: string }

type State = 'undecided' | 'content' | 'name' | 'arguments' | 'between'

/**
 * Reads a reply that follows the grammar of calls (reply-grammar.ts) while it arrives; the grammar vouches for
 * everything
 * between a name and its arguments. A reply that does not begin with a call is content to its end.
 */
export class ToolCallReader<Token> {
  #state: State = 'undecided'
  #held = ''
  /** Of the held text, as long as it can become content. */
  #tokens: Token[] = []
  #index = -1
  #depth = 0
  #inString = false
  #escaped = false

  push(text: string, tokens: readonly Token[]): readonly ReplyPart<Token>[] {
    this.#held += text
    this.#tokens.push(...tokens)
    const parts: ReplyPart<Token>[] = []
    while (this.#advance(parts));
    return parts
  }

  /** What was held back: the beginning of a call that never came is content. */
  end(): readonly ReplyPart<Token>[] {
    return this.#state === 'undecided' ? this.#content() : []
  }

  #content(): readonly ReplyPart<Token>[] {
    const [text, tokens] = [this.#held, this.#tokens]
    this.#held = ''
    this.#tokens = []
    return text === '' && tokens.length === 0 ? [] : [{ kind: 'content', text, tokens }]
  }

  /** Takes one stretch of the held text; false when it has to wait for more. */
  #advance(parts: ReplyPart<Token>[]): boolean {
    switch (this.#state) {
      case 'undecided': {
        const { opening } = toolCallText
        if (this.#held.startsWith(opening)) return this.#enter('between')
        return !opening.startsWith(this.#held) && this.#enter('content')
      }
      case 'content':
        parts.push(...this.#content())
        return false
      case 'between': {
        this.#tokens = []
        const start = this.#held.indexOf(toolCallText.beforeName)
        if (start < 0) return false
        this.#held = this.#held.slice(start + toolCallText.beforeName.length)
        return this.#enter('name')
      }
      case 'name': {
        const end = this.#held.indexOf(toolCallText.beforeArguments)
        if (end < 0) return false
        this.#index += 1
        parts.push({ kind: 'call', index: this.#index, name: this.#held.slice(0, end) })
        this.#held = this.#held.slice(end + toolCallText.beforeArguments.length)
        return this.#enter('arguments')
      }
      case 'arguments': {
        const end = this.#endOfArguments()
        const text = end === null ? this.#held : this.#held.slice(0, end)
        this.#held = this.#held.slice(text.length)
        if (text !== '') parts.push({ kind: 'arguments', index: this.#index, text })
        return end !== null && this.#enter('between')
      }
    }
  }

  #enter(state: State): boolean {
    this.#state = state
    return true
  }

  /**
   * Where in the held text the arguments end; null while they do not. All of that text is taken, so it is looked at
   * once.
   */
  #endOfArguments(): number | null {
    for (let at = 0; at < this.#held.length; at += 1) {
      const character = this.#held[at]
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false
        else if (character === '\\') this.#escaped = true
        else if (character === '"') this.#inString = false
      } else if (character === '"') {
        this.#inString = true
      } else if (character === '{') {
        this.#depth += 1
      } else if (character === '}') {
        this.#depth -= 1
        if (this.#depth === 0) return at + 1
      }
    }
    return null
  }
}
