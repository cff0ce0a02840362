import { MantineProvider } from '@mantine/core'
import i18next from 'i18next'
import { renderToStaticMarkup } from 'react-dom/server'
import { beforeAll, expect, test } from 'vitest'
import { fakeReceipt } from '../../../../shared/contracts/console.fake-data.ts'
import type { Receipt } from '../../../../shared/domain/generation.ts'
import { startI18n } from '../../../lib/i18n/i18n.ts'
import { ReceiptFacts, ReceiptLine } from './receipt-line.tsx'

beforeAll(() => startI18n('en'))

/** The facts of a receipt in the order shown, as they can be read. */
const facts = (changes: Partial<Receipt>): readonly string[] =>
  [
    ...renderToStaticMarkup(
      <MantineProvider withCssVariables={false} withGlobalClasses={false}>
        <ReceiptLine receipt={{ ...fakeReceipt, ...changes }} demo={false} />
        <ReceiptFacts receipt={{ ...fakeReceipt, ...changes }} demo={false} />
      </MantineProvider>,
    ).matchAll(/<(?:dd|span class="[^"]*sb-numbers")>([^<]*)</g),
  ].map(([, text = '']) => text)

test('the receipt names the assistant with its version, and says what was not read', () => {
  const truncated = { droppedMessages: 3, droppedTokens: 90 }
  const [short, ...rows] = facts({ assistant: { name: 'Web shop', version: 2 }, modelVersion: 4, truncated })
  expect(short).toMatch(/^Web shop v2 · .* · earlier messages not read$/)
  expect(rows.slice(0, 2)).toEqual(['Web shop, version 2', 'demo, version 4'])
  expect(facts({ assistant: null })).toContain('none, the model was asked directly')
})

test('one is one, and large counts are grouped', async () => {
  const receipt = { promptTokens: 12_345, completionTokens: 1, truncated: { droppedMessages: 1, droppedTokens: 1200 } }
  const english = facts(receipt)
  expect(english).toEqual(expect.arrayContaining(['12,345 tokens', '1 token', '1 message, 1,200 tokens']))
  expect(english[0]).toContain('12,345 + 1 tokens')
  await i18next.changeLanguage('zh-CN')
  expect(facts(receipt)).toEqual(expect.arrayContaining(['12,345 词元', '1 词元', '1 条消息，1,200 词元']))
  await i18next.changeLanguage('en')
})
