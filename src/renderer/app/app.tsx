import { localStorageColorSchemeManager, MantineProvider, useMantineColorScheme } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import i18next from 'i18next'
import { useEffect } from 'react'
import { HashRouter } from 'react-router'
import { useStore } from 'zustand'
import { chooseLanguage } from '../lib/i18n/i18n.ts'
import { StoresContext, useStores, type Stores } from '../stores/stores.ts'
import { ConnectionGate } from './connection-gate.tsx'
import { ErrorBoundary } from './error-boundary.tsx'
import { LinkConfirm } from './link-confirm.tsx'
import { Shell } from './shell.tsx'
import { theme } from './theme.ts'

const colorScheme = localStorageColorSchemeManager({ key: 'switchboard.theme' })

/** The whole window. Everything it needs comes in with the stores. */
export function App({ stores }: { readonly stores: Stores }) {
  return (
    <StoresContext value={stores}>
      <MantineProvider
        theme={theme}
        defaultColorScheme="auto"
        colorSchemeManager={colorScheme}
        withCssVariables={false}
        withGlobalClasses={false}
      >
        <Appearance />
        <Notifications position="bottom-left" limit={3} zIndex={500} />
        <ErrorBoundary>
          <ConnectionGate>
            <HashRouter>
              <LinkConfirm>
                <Shell />
              </LinkConfirm>
            </HashRouter>
          </ConnectionGate>
        </ErrorBoundary>
      </MantineProvider>
    </StoresContext>
  )
}

/** Keeps language and theme of the window at what the settings say. */
function Appearance() {
  const { settings } = useStores()
  const loaded = useStore(settings.store, (state) => state.loaded)
  const language = useStore(settings.store, (state) => state.settings.language)
  const wanted = useStore(settings.store, (state) => state.settings.theme)
  // Holding transitions still during the change would write a style element, which the content policy forbids.
  const { setColorScheme } = useMantineColorScheme({ keepTransitions: true })
  useEffect(() => {
    if (!loaded) return
    const chosen = chooseLanguage(language, navigator.languages)
    document.documentElement.lang = chosen
    if (i18next.language !== chosen) void i18next.changeLanguage(chosen)
  }, [loaded, language])
  useEffect(() => {
    if (loaded) setColorScheme(wanted)
  }, [loaded, wanted, setColorScheme])
  return null
}
