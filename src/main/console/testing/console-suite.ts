import { afterEach, beforeEach } from 'vitest'
import { assistantRules } from './assistant-rules.ts'
import type { ConsoleSubject, OpenConsole } from './console-subject.ts'
import { conversationRules } from './conversation-rules.ts'
import { dataRules } from './data-rules.ts'
import { turnRules } from './turn-rules.ts'

/** The rules of the console's contract, for whatever implements it: a new console for each test. */
export function consoleSuite(open: OpenConsole): void {
  let subject: ConsoleSubject
  beforeEach(async () => {
    subject = await open()
  })
  afterEach(async () => {
    await subject.dispose()
  })
  conversationRules(() => subject.console)
  turnRules(() => subject)
  assistantRules(() => subject.console)
  dataRules(() => subject)
}
