import { MantineProvider } from '@mantine/core'
import i18next from 'i18next'
import { renderToStaticMarkup } from 'react-dom/server'
import { beforeAll, expect, test } from 'vitest'
import { fakeLoadedModel } from '../../shared/contracts/engine.fake.ts'
import type { LoadedModel } from '../../shared/domain/engine.ts'
import { startI18n } from '../lib/i18n/i18n.ts'
import { ModelDetails } from './status-details.tsx'

beforeAll(() => startI18n('en'))

const render = (changes: Partial<LoadedModel>): string =>
  renderToStaticMarkup(
    <MantineProvider withCssVariables={false} withGlobalClasses={false}>
      <ModelDetails name="shop" demo={false} loaded={{ ...fakeLoadedModel, ...changes }} />
    </MantineProvider>,
  )
const lowered = { slots: 8, contextLength: 8192, neededBytes: 8.25 * 1024 ** 3, freeBytes: 5 * 1024 ** 3 }

test('a model that runs with less than the settings ask for says so in both languages, with the figures', async () => {
  expect(render({ slots: 2, contextLength: 4096, lowered })).toContain(
    'The settings ask for 8 × 8,192 tokens (slots × context). That needs 8.3 GB; 5 GB were free, so the model runs with 2 × 4,096.',
  )
  await i18next.changeLanguage('zh-CN')
  expect(render({ slots: 2, contextLength: 4096, lowered })).toContain(
    '设置要求 8 × 8,192 词元（并行位 × 上下文），需要 8.3 GB，而可用的只有 5 GB，因此模型以 2 × 4,096 运行。',
  )
  await i18next.changeLanguage('en')
})

test('a model that has all of it says nothing of the kind', () => {
  const html = render({ slots: 4, lowered: null })
  expect(html).toContain('Slots')
  expect(html).not.toContain('The settings ask for')
})
