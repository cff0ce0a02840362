import { describe } from 'vitest'
import { consoleSuite } from './testing/console-suite.ts'
import { openFakeConsole } from './testing/fake-subject.ts'
import { openRealConsole } from './testing/real-subject.ts'

describe('the fake console', () => consoleSuite(openFakeConsole))
describe('the real services', () => consoleSuite(openRealConsole))
