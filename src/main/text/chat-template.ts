import type { PromptMessage, ToolDescription } from '../../shared/domain/conversation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { splitByControls, type ControlToken } from './control-splitter.ts'
import { IdWriter, type EncodeCache } from './id-writer.ts'
import { renderPieces, RESERVED } from './render-pieces.ts'
import { rendersSystem, rendersTools } from './template-checks.ts'
import { parseTemplate } from './template-interpreter.ts'
import type { PlainEncoder } from './text-encoder.ts'
import { mayKnowTools } from './template-tools.ts'
import type { BeforeStep } from './tokenizer.ts'
import { withToolsAsText } from './tool-text.ts'

export interface ChatTemplate {
  /** false: a system prompt is put in front of the first user message. */
  readonly supportsSystem: boolean
  /** false: tools, calls and results are written into the texts of messages. */
  readonly supportsTools: boolean
  /**
   * Ids of the conversation, ending where the reply begins. Special tokens come from the template alone: contents, and
   * every text in tools and calls, are encoded as plain text, whatever they say.
   * @throws SwitchboardError invalid_request when the template refuses these messages, template_invalid.
   */
  encode(messages: readonly PromptMessage[], cache?: EncodeCache, tools?: readonly ToolDescription[]): readonly number[]
}

/**
 * Runs the template, which may never end.
 * @throws SwitchboardError template_invalid when the template fails, changes contents or leaves them out.
 */
export function buildChatTemplate(
  source: string,
  namedTokens: Readonly<Record<string, string>>,
  controls: readonly ControlToken[],
  plain: PlainEncoder,
  beforeStep: BeforeStep,
): ChatTemplate {
  for (const reserved of RESERVED) {
    if (source.includes(reserved))
      throw new SwitchboardError(
        'template_invalid',
        `the chat template holds the reserved character U+${reserved.charCodeAt(0).toString(16)}`,
      )
  }
  const template = parseTemplate(source)
  beforeStep('template')
  const supportsSystem = rendersSystem(template, namedTokens)
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

/** The messages with their system prompts in front of the first user message. */
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
