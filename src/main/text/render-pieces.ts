import type { PromptMessage, ToolDescription } from '../../shared/domain/conversation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { TemplateRefusal, type ParsedTemplate } from './template-interpreter.ts'
import { templateMessage, templateTool } from './template-tools.ts'

/** A section of the rendered conversation: the template's own text, or text of a message. */
export type Piece = { readonly kind: 'template' | 'content'; readonly text: string }

/** Surrounds every content: where a template trims, it is gone. No template writes it itself. */
const BLANK = '\u2003'
const OPENING = '\uE0B0'
const CLOSING = '\uE0B1'
/** Characters that a template must not hold. */
export const RESERVED = [BLANK, OPENING, CLOSING]
/** In mixed case, so that `upper`, `lower` and `title` are noticed. */
const placeholder = (index: number): string => `${OPENING}sB${index}${CLOSING}`
const placeholderPattern = new RegExp(`${OPENING}sB(\\d+)${CLOSING}`, 'gu')

/**
 * Renders with a placeholder for every content and puts the contents in afterwards.
 * @throws SwitchboardError template_invalid when a content is changed or left out; what {@link render} throws.
 */
export function renderPieces(
  template: ParsedTemplate,
  namedTokens: Readonly<Record<string, string>>,
  messages: readonly PromptMessage[],
  tools: readonly ToolDescription[] = [],
): Piece[] {
  const contents = messages.map(({ content }) => content.toWellFormed())
  // Texts inside tools and calls follow the contents.
  const hide = (text: string): string => placeholder(contents.push(text.toWellFormed()) - 1)
  const masked = messages.map((message, index) =>
    templateMessage(message, message.content === '' ? '' : `${BLANK}${placeholder(index)}${BLANK}`, hide),
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
      // A text in quotation marks is part of JSON.
      const quoted = rendered[start - 1] === '"' && rendered[end] === '"'
      pieces.push(
        { kind: 'template', text: rendered.slice(last, start) },
        { kind: 'content', text: quoted ? JSON.stringify(content).slice(1, -1) : content },
      )
      last = end
      continue
    }
    const keepsLeft = rendered[start - 1] === BLANK
    const keepsRight = rendered[end] === BLANK
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
        kind === 'template' && (text.includes(OPENING) || text.includes(CLOSING) || text.includes(BLANK)),
    )
  ) {
    throw new SwitchboardError('template_invalid', 'the chat template changes the content of messages')
  }
  return pieces
}

/** @throws SwitchboardError invalid_request when the template refuses the messages; template_invalid. */
export function render(
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
