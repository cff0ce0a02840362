import type { Grammar } from '../../shared/domain/grammar.ts'
import type { ReplyStructure } from './reply-service.ts'

/** The grammar of a reply. */
export function grammarOf({ format }: ReplyStructure): Grammar {
  return { definitions: format.definitions, root: { kind: 'json', shape: format.shape } }
}
