import type { PromptMessage, ToolDescription } from '../../shared/domain/conversation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { splitByControls, type ControlToken } from './control-splitter.ts'
import { parseTemplate, TemplateRefusal, type ParsedTemplate } from './template-interpreter.ts'
import type { PlainEncoder } from './text-encoder.ts'
import { canaryTools, canaryWithTools, mayKnowTools, templateMessage, templateTool } from './template-tools.ts'
import type { BeforeStep } from './tokenizer.ts'
import { withToolsAsText } from './tool-text.ts'

/** Ids of texts already encoded, so that trying shorter histories costs nothing twice. */
export type EncodeCache = Map<string, readonly number[]>

export interface ChatTemplate {
  /** false: a system prompt is put in front of the first user message. */
  readonly supportsSystem: boolean
  /** false: tools, calls and what tools gave back are written into the texts of messages. */
  readonly supportsTools: boolean
  /**
   * Ids of the conversation, ending where the reply begins. Special tokens come from the template alone: contents, and
   * every
   * text in tools and calls, are encoded as plain text, whatever they say.
   * @throws SwitchboardError invalid_request when the template refuses these messages, template_invalid.
   */
  encode(messages: readonly PromptMessage[], cache?: EncodeCache, tools?: readonly ToolDescription[]): readonly number[]
}

/** A stretch of the rendered conversation: the template's own text, or the content of a message. */
type Piece = { readonly kind: 'template'; readonly text: string } | { readonly kind: 'content'; readonly text: string }

/** A blank no template writes itself; it tells whether the template trims a content. */
const blank = '\u2003'
const opening = '\uE0B0'
const closing = '\uE0B1'
/** Mixed case, so that `upper`, `lower` and `title` are noticed. */
const placeholder = (index: number): string => `${opening}sB${index}${closing}`
const placeholderPattern = new RegExp(`${opening}sB(\\d+)${closing}`, 'gu')

/**
 * @throws SwitchboardError template_invalid when the template fails, changes contents or leaves them out. A template may
 * also never end.
 */
export function buildChatTemplate(
  source: string,
  namedTokens: Readonly<Record<string, string>>,
  controls: readonly ControlToken[],
  plain: PlainEncoder,
  beforeStep: BeforeStep,
): ChatTemplate {
  for (const reserved of [blank, opening, closing]) {
    if (source.includes(reserved))
      throw new SwitchboardError(
        'template_invalid',
        `the chat template holds the reserved character U+${reserved.charCodeAt(0).toString(16)}`,
      )
  }
  const template = parseTemplate(source)
  beforeStep('template')
  const supportsSystem = check(template, namedTokens)
  beforeStep('template')
  const supportsTools = supportsSystem && mayKnowTools(source) && rendersTools(template, namedTokens)
  const split = splitByControls(controls)
  return {
    supportsSystem,
    supportsTools,
    encode(messages, cache = new Map(), tools = []) {
      const ids = new IdWriter(plain, cache)
      const written = supportsTools ? messages : withToolsAsText(messages, tools)
      for (const piece of renderPieces(
        template,
        namedTokens,
        supportsSystem ? written : withoutSystem(written),
        supportsTools ? tools : [],
      )) {
        if (piece.kind === 'content') {
          ids.text(piece.text)
          continue
        }
        for (const part of split(piece.text)) {
          if (typeof part === 'string') ids.text(part)
          else ids.control(part)
        }
      }
      return ids.end()
    },
  }
}

/**
 * Collects ids. Text between two control tokens is encoded as one, the template's and a content's together, as the
 * model
 * was trained on it.
 */
class IdWriter {
  readonly #plain: PlainEncoder
  readonly #cache: EncodeCache
  readonly #ids: number[] = []
  #run = ''
  #trimNext = false

  constructor(plain: PlainEncoder, cache: EncodeCache) {
    this.#plain = plain
    this.#cache = cache
  }

  text(text: string): void {
    const added = this.#trimNext ? text.trimStart() : text
    if (added !== '') this.#trimNext = false
    this.#run += added
  }

  control(token: ControlToken): void {
    if (token.lstrip === true) this.#run = this.#run.trimEnd()
    this.#flush()
    this.#ids.push(token.id)
    this.#trimNext = token.rstrip === true
  }

  end(): readonly number[] {
    this.#flush()
    return this.#ids
  }

  #flush(): void {
    if (this.#run === '') return
    const first = this.#ids.length === 0
    const key = `${first ? '^' : ' '}${this.#run}`
    let encoded = this.#cache.get(key)
    if (encoded === undefined) {
      encoded = this.#plain.encode(this.#run, first)
      this.#cache.set(key, encoded)
    }
    for (const id of encoded) this.#ids.push(id)
    this.#run = ''
  }
}

/** Renders with a placeholder for every content and puts the contents in afterwards. */
function renderPieces(
  template: ParsedTemplate,
  namedTokens: Readonly<Record<string, string>>,
  messages: readonly PromptMessage[],
  tools: readonly ToolDescription[] = [],
): Piece[] {
  const contents = messages.map(({ content }) => content.toWellFormed())
  // Behind the contents: the texts inside tools and calls, where a template prints them.
  const hide = (text: string): string => placeholder(contents.push(text.toWellFormed()) - 1)
  const masked = messages.map((message, index) =>
    templateMessage(message, message.content === '' ? '' : `${blank}${placeholder(index)}${blank}`, hide),
  )
  const rendered = render(
    template,
    namedTokens,
    masked,
    tools.map((tool) => templateTool(tool, hide)),
  )
  const pieces: Piece[] = []
  const seen = new Set<number>()
  let last = 0
  for (const match of rendered.matchAll(placeholderPattern)) {
    const index = Number(match[1])
    seen.add(index)
    const start = match.index
    const end = start + match[0].length
    const content = contents[index] ?? ''
    if (index >= messages.length) {
      // Between quotation marks it stands in JSON.
      const quoted = rendered[start - 1] === '"' && rendered[end] === '"'
      pieces.push(
        { kind: 'template', text: rendered.slice(last, start) },
        { kind: 'content', text: quoted ? JSON.stringify(content).slice(1, -1) : content },
      )
      last = end
      continue
    }
    const keepsLeft = rendered[start - 1] === blank
    const keepsRight = rendered[end] === blank
    pieces.push({ kind: 'template', text: rendered.slice(last, keepsLeft ? start - 1 : start) })
    const leftKept = keepsLeft ? content : content.trimStart()
    pieces.push({ kind: 'content', text: keepsRight ? leftKept : leftKept.trimEnd() })
    last = keepsRight ? end + 1 : end
  }
  pieces.push({ kind: 'template', text: rendered.slice(last) })
  const lost = messages.findIndex(({ content }, index) => content !== '' && !seen.has(index))
  if (lost >= 0)
    throw new SwitchboardError(
      'template_invalid',
      `the chat template leaves out or changes the content of message ${lost} (${messages[lost]?.role})`,
      { param: `messages[${lost}]` },
    )
  if (
    pieces.some(
      ({ kind, text }) =>
        kind === 'template' && (text.includes(opening) || text.includes(closing) || text.includes(blank)),
    )
  ) {
    throw new SwitchboardError('template_invalid', 'the chat template changes the content of messages')
  }
  return pieces
}

function render(
  template: ParsedTemplate,
  namedTokens: Readonly<Record<string, string>>,
  messages: readonly object[],
  tools: readonly object[] = [],
): string {
  try {
    return template.render({
      ...namedTokens,
      messages,
      add_generation_prompt: true,
      ...(tools.length === 0 ? {} : { tools }),
    })
  } catch (thrown) {
    if (thrown instanceof TemplateRefusal)
      throw new SwitchboardError(
        'invalid_request',
        `the model's chat template refuses these messages: ${thrown.message}`,
        { param: 'messages', cause: thrown },
      )
    throw thrown
  }
}

/** Contents that show what a template does to them: blanks at both ends, letters of both cases, marks, length. */
const sample = (name: string): string =>
  `  \n ${name} "Quoted" <b>&amp;</b> {{ x }} \\n ÄÖ 退款 ${'long '.repeat(100)}\n 🎁 \t`
const canary: readonly PromptMessage[] = [
  { role: 'user', content: sample('First') },
  { role: 'assistant', content: sample('Second') },
  { role: 'user', content: 'third' },
]
const canaryWithSystem: readonly PromptMessage[] = [{ role: 'system', content: sample('System') }, ...canary]

/**
 * Renders a sample conversation both ways: with its contents, as the template means it, and with placeholders. They
 * must
 * agree, so that a template that changes contents is refused here and not noticed as strange replies. Returns whether
 * the
 * template knows system prompts.
 */
function checkWithSystem(template: ParsedTemplate, namedTokens: Readonly<Record<string, string>>): boolean {
  compare(template, namedTokens, canary)
  try {
    compare(template, namedTokens, canaryWithSystem)
    return true
  } catch (thrown) {
    if (thrown instanceof SwitchboardError && (thrown.code === 'invalid_request' || thrown.param === 'messages[0]'))
      return false
    throw thrown
  }
}

function check(template: ParsedTemplate, namedTokens: Readonly<Record<string, string>>): boolean {
  try {
    return checkWithSystem(template, namedTokens)
  } catch (thrown) {
    if (thrown instanceof SwitchboardError && thrown.code === 'template_invalid') throw thrown
    throw new SwitchboardError(
      'template_invalid',
      `the chat template fails on a plain conversation: ${thrown instanceof Error ? thrown.message : 'unknown error'}`,
      { cause: thrown },
    )
  }
}

/**
 * Whether tools, calls and results come out of the template as they went in. A template that fails here gets them as
 * text.
 */
function rendersTools(template: ParsedTemplate, namedTokens: Readonly<Record<string, string>>): boolean {
  try {
    compare(template, namedTokens, canaryWithTools, canaryTools)
    return true
  } catch (thrown) {
    if (thrown instanceof Error) return false
    throw thrown
  }
}

function compare(
  template: ParsedTemplate,
  namedTokens: Readonly<Record<string, string>>,
  messages: readonly PromptMessage[],
  tools: readonly ToolDescription[] = [],
): void {
  const spliced = renderPieces(template, namedTokens, messages, tools)
    .map(({ text }) => text)
    .join('')
  const asIs = (text: string): string => text
  if (
    spliced !==
    render(
      template,
      namedTokens,
      messages.map((message) => templateMessage(message, message.content, asIs)),
      tools.map((tool) => templateTool(tool, asIs)),
    )
  )
    throw new SwitchboardError(
      'template_invalid',
      'the chat template changes the content of messages in a way that is not supported',
    )
}

function withoutSystem(messages: readonly PromptMessage[]): readonly PromptMessage[] {
  const system = messages
    .filter(({ role }) => role === 'system')
    .map(({ content }) => content)
    .join('\n\n')
  const others = messages.filter(({ role }) => role !== 'system')
  const first = others[0]
  if (system === '') return others
  if (first === undefined || first.role !== 'user') return [{ role: 'user', content: system }, ...others]
  return [{ role: 'user', content: `${system}\n\n${first.content}` }, ...others.slice(1)]
}
