import './mantine.css'
import '@mantine/notifications/styles.css'
import '@mantine/spotlight/styles.css'
import './app.css'
import { createRoot } from 'react-dom/client'
import type { ConsoleConnection } from '../bridge/connect.ts'
import { windowFrames } from '../lib/frame-batch.ts'
import { chooseLanguage, startI18n } from '../lib/i18n/i18n.ts'
import { createStores } from '../stores/stores.ts'
import { App } from './app.tsx'
import { installThemeVariables } from './theme.ts'

/** Builds the window over a connection. The product and the preview differ only in the connection. */
export async function startApp(connection: ConsoleConnection): Promise<void> {
  const language = chooseLanguage('auto', navigator.languages)
  document.documentElement.lang = language
  installThemeVariables(document)
  await startI18n(language)
  // The first page comes with the first frame; a redirect inside the router would leave that frame empty.
  if (/^#?\/?$/.test(window.location.hash)) window.history.replaceState(null, '', '#/chat')
  const stores = createStores({ connection, schedule: windowFrames(window), storage: window.localStorage })
  const root = document.getElementById('root')
  if (!root) throw new Error('index.html has no element #root')
  createRoot(root).render(<App stores={stores} />)
}
