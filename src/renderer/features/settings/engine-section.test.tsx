import { MantineProvider } from '@mantine/core'
import { renderToStaticMarkup } from 'react-dom/server'
import { beforeAll, expect, test } from 'vitest'
import { FakeConsole } from '../../../shared/contracts/console.fake.ts'
import { en } from '../../lib/i18n/en.ts'
import { startI18n } from '../../lib/i18n/i18n.ts'
import { createStores, StoresContext } from '../../stores/stores.ts'
import { EngineSection } from './engine-section.tsx'

beforeAll(() => startI18n('en'))

test('every control is described by the words under its label', () => {
  const stores = createStores({
    connection: {
      client: new FakeConsole(),
      state: () => ({ kind: 'connecting' }),
      watch: () => () => undefined,
      retry: () => undefined,
    },
    schedule: () => undefined,
    storage: { getItem: () => null, setItem: () => undefined, removeItem: () => undefined },
  })
  const html = renderToStaticMarkup(
    <StoresContext value={stores}>
      <MantineProvider withCssVariables={false} withGlobalClasses={false}>
        <EngineSection />
      </MantineProvider>
    </StoresContext>,
  )
  const described = [...html.matchAll(/<input [^>]*aria-describedby="([^"]+)"/g)].map(
    ([, id = '']) => new RegExp(`<p id="${id}">([^<]*)<`).exec(html)?.[1],
  )
  const { preferHelp, allowCpuHelp, slotsHelp, queueHelp, contextHelp } = en.settings
  expect(described).toEqual([preferHelp, allowCpuHelp, slotsHelp, queueHelp, contextHelp])
})
